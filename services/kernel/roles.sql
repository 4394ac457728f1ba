-- The role of each schema, and its rights: taken away and given anew, whatever was there before. One transaction.
-- The setting eco2.roles says which: {schema: {"role": name, "verifier": of its password, as PostgreSQL stores it}}.
DO $$
DECLARE
    roles      constant jsonb := current_setting('eco2.roles');
    owned      text;
    name       text;
    verifier   text;
    other      text;
    relation   text;
    too_much   text;
BEGIN
    -- Two at once would disturb each other's rights.
    PERFORM pg_advisory_xact_lock(hashtextextended('eco2.roles', 0));

    -- What everybody may do, a role may do too.
    EXECUTE format('REVOKE TEMPORARY, CREATE ON DATABASE %I FROM PUBLIC', current_database());
    IF to_regnamespace('public') IS NOT NULL THEN
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
    END IF;

    FOR owned, name, verifier IN SELECT key, value ->> 'role', value ->> 'verifier' FROM jsonb_each(roles) LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
        EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', name, verifier);

        FOR other IN SELECT key FROM jsonb_each(roles) LOOP
            EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', other, name);
            EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM %I', other, name);
            EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', other, name);
        END LOOP;
        IF to_regnamespace('public') IS NOT NULL THEN
            EXECUTE format('REVOKE ALL ON SCHEMA public FROM %I', name);
        END IF;
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', owned);

        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', owned, name);
        -- Not yoyo's tables: a service that has been broken into does not rewrite which migrations were applied.
        -- No sequence: to fill an identity column takes none, and the migrations use no other kind.
        FOR relation IN
            SELECT relname FROM pg_class
            WHERE relnamespace = owned::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND relname !~ '^_?yoyo_'
        LOOP
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO %I', owned, relation, name);
        END LOOP;
        -- The functions and operators of an extension whose types or operators the schema's tables and indexes use.
        FOR other IN
            SELECT DISTINCT nspname FROM pg_class
            JOIN pg_depend AS uses ON uses.classid = 'pg_class'::regclass AND uses.objid = pg_class.oid
            JOIN pg_depend AS part ON part.classid = uses.refclassid AND part.objid = uses.refobjid
                AND part.deptype = 'e' AND part.refclassid = 'pg_extension'::regclass
            JOIN pg_extension ON pg_extension.oid = part.refobjid
            JOIN pg_namespace ON pg_namespace.oid = extnamespace
            WHERE relnamespace = owned::regnamespace
        LOOP
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', other, name);
        END LOOP;

        -- What the statements above could not take away.
        SELECT string_agg(what, ', ') INTO too_much FROM (
            SELECT 'is a superuser' AS what FROM pg_roles WHERE rolname = name AND rolsuper
            UNION ALL SELECT 'may create roles' FROM pg_roles WHERE rolname = name AND rolcreaterole
            UNION ALL SELECT 'may create databases' FROM pg_roles WHERE rolname = name AND rolcreatedb
            UNION ALL SELECT 'may replicate' FROM pg_roles WHERE rolname = name AND rolreplication
            UNION ALL SELECT 'passes row security by' FROM pg_roles WHERE rolname = name AND rolbypassrls
            UNION ALL SELECT 'is a member of ' || roleid::regrole FROM pg_auth_members
                WHERE member = (SELECT oid FROM pg_roles WHERE rolname = name)
            UNION ALL SELECT 'owns ' || oid::regclass FROM pg_class
                WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = name)
            UNION ALL SELECT 'may create temporary tables'
                WHERE has_database_privilege(name, current_database(), 'TEMPORARY')
            UNION ALL SELECT 'may create schemas' WHERE has_database_privilege(name, current_database(), 'CREATE')
            UNION ALL SELECT 'may create in ' || nspname FROM pg_namespace
                WHERE has_schema_privilege(name, oid, 'CREATE')
        ) AS rights;
        IF too_much IS NOT NULL THEN
            RAISE EXCEPTION 'the role % has more rights than are its own, and only another can take them away: it %',
                name, too_much;
        END IF;
    END LOOP;
END
$$;
