"""Each schema has a role that does its service's work, and can do nothing else."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import product
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg2
import pytest
from psycopg2 import errors, sql

from services.kernel import migrations
from services.kernel.migrations import domains
from services.kernel.roles import RolesError, grant, role_of, url_of
from tests.services.kernel.databases import database, migrate, module, run
from tests.stack import TestStack

SCHEMAS = sorted(domain.schema for domain in domains())
MODULE = "services.kernel.migrations"
USER = "01920000-0000-7000-8000-0000000000aa"
OWN = "SELECT", "INSERT", "UPDATE", "DELETE"
TABLE_RIGHTS = (*OWN, "TRUNCATE", "REFERENCES", "TRIGGER")

TABLES = """
SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname NOT IN ('pg_catalog', 'information_schema')
"""
GRANTED = """
SELECT role, nspname, relname, may
FROM unnest(%s) AS role, unnest(%s) AS may, pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname NOT IN ('pg_catalog', 'information_schema')
    AND has_schema_privilege(role, relnamespace, 'USAGE') AND has_table_privilege(role, pg_class.oid, may)
"""
DDL = [
    "CREATE TABLE {schema}.more (id int)",
    "CREATE TEMPORARY TABLE more (id int)",
    "CREATE TABLE public.more (id int)",
    "CREATE SCHEMA more",
    "CREATE FUNCTION {schema}.more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION hstore SCHEMA {schema}",
    "CREATE ROLE more_{schema}",
    "CREATE DATABASE more_{schema}",
    "ALTER TABLE {table} ADD COLUMN more int",
    "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "DROP TABLE {table}",
    "DROP SCHEMA {schema} CASCADE",
    "TRUNCATE {table} CASCADE",
    "CREATE INDEX ON {table} ((1))",
    "CREATE TRIGGER more AFTER DELETE ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "COMMENT ON TABLE {table} IS 'more'",
    "COPY {table} TO PROGRAM 'cat'",
    "DELETE FROM {schema}._yoyo_migration",
    "SELECT * FROM {schema}._yoyo_migration",
]


@pytest.fixture(scope="module")
def kept(stack: TestStack, template: str) -> Iterator[str]:
    """A migrated database with its roles, which the tests leave as it is."""
    with database(stack, template) as url:
        migrations.grant_roles(url)
        yield url


def tables_of(url: str, schema: str) -> list[str]:
    """A schema's tables but yoyo's."""
    found = run(
        url,
        "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r' AND relname !~ 'yoyo_'",
        schema,
    )
    return [name for (name,) in found]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_role_may_read_and_write_every_table_of_its_own_schema(kept: str, schema: str) -> None:
    own = url_of(kept, schema)

    for name in tables_of(kept, schema):
        table = sql.Identifier(schema, name)
        run(own, sql.SQL("SELECT * FROM {} FOR UPDATE").format(table))
        with suppress(psycopg2.IntegrityError, psycopg2.DataError):  # it may write the row, and the row lacks values
            run(own, sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table))
        run(own, sql.SQL("DELETE FROM {}").format(table))


def test_a_role_fills_identity_columns_and_uses_the_extensions_of_its_tables(kept: str) -> None:
    recycle, location = url_of(kept, "recycle"), url_of(kept, "location")

    added = run(recycle, "INSERT INTO recycle.searches (query, hits, created_at) VALUES ('캔', 0, now()) RETURNING id")
    run(recycle, "DELETE FROM recycle.searches")

    assert len(added) == 1
    assert run(location, "SELECT cube(1) <-> cube(3), similarity('가나다', '가나다')") == [(2.0, 1.0)]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_role_cannot_even_look_into_another_schema(kept: str, schema: str) -> None:
    own = url_of(kept, schema)

    for other in SCHEMAS:
        if other == schema:
            continue
        for name in tables_of(kept, other):
            with pytest.raises(errors.InsufficientPrivilege, match=f"denied for schema {other}"):
                run(own, sql.SQL("SELECT FROM {}").format(sql.Identifier(other, name)))


def test_no_grant_gives_a_role_more_than_its_own_tables(kept: str) -> None:
    """Every role, every table of the database, every right: asked of PostgreSQL, which counts what PUBLIC has too."""
    roles = {role_of(kept, schema): schema for schema in SCHEMAS}

    granted = set(run(kept, GRANTED, list(roles), list(TABLE_RIGHTS)))

    tables = run(kept, TABLES)
    assert {space for space, _ in tables} == set(SCHEMAS)
    assert granted == {
        (role, *table, right)
        for (role, schema), table, right in product(roles.items(), tables, OWN)
        if table[0] == schema and "yoyo_" not in table[1]
    }


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_role_has_no_right_on_columns_sequences_schemas_or_the_database_beyond_its_own(
    kept: str, schema: str
) -> None:
    role = role_of(kept, schema)
    other_columns = run(
        kept,
        "SELECT table_schema, table_name, column_name FROM information_schema.column_privileges "
        "WHERE grantee IN (%s, 'PUBLIC') AND table_schema NOT IN (%s, 'pg_catalog', 'information_schema')",
        *(role, schema),
    )
    sequences = run(
        kept,
        "SELECT seqrelid::regclass::text FROM pg_sequence "
        "WHERE has_sequence_privilege(%s, seqrelid, 'USAGE, SELECT, UPDATE')",
        role,
    )
    schemas = run(
        kept,
        "SELECT nspname, has_schema_privilege(%s, oid, 'CREATE') FROM pg_namespace "
        "WHERE has_schema_privilege(%s, oid, 'USAGE, CREATE') ORDER BY 1",
        *(role, role),
    )
    on_database = run(
        kept,
        "SELECT ARRAY(SELECT may FROM unnest(ARRAY['CONNECT', 'CREATE', 'TEMPORARY']) AS may "
        "WHERE has_database_privilege(%s, current_database(), may))",
        role,
    )
    is_more = run(
        kept,
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR EXISTS "
        "(SELECT FROM pg_auth_members WHERE member = pg_roles.oid) FROM pg_roles WHERE rolname = %s",
        role,
    )

    extensions = ["public"] if schema == "location" else []
    assert other_columns == []
    assert sequences == []
    assert schemas == [(name, False) for name in sorted(["information_schema", "pg_catalog", schema, *extensions])]
    assert on_database == [(["CONNECT"],)]
    assert is_more == [(False,)]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_role_cannot_change_the_database_only_what_is_in_its_tables(kept: str, schema: str) -> None:
    table = f"{schema}.{tables_of(kept, schema)[0]}"

    with closing(psycopg2.connect(url_of(kept, schema))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in DDL:
            with pytest.raises(errors.InsufficientPrivilege):
                cursor.execute(statement.format(schema=schema, table=table))


def test_a_role_of_one_database_reaches_nothing_in_another(kept: str, migrated: str) -> None:
    here = url_of(kept, "waste")
    there = urlunsplit(urlsplit(here)._replace(path=urlsplit(migrated).path))

    assert urlsplit(here).username != urlsplit(url_of(migrated, "waste")).username
    with pytest.raises(errors.InsufficientPrivilege):
        run(there, "SELECT FROM waste.scans")


def test_a_password_is_made_of_the_owners_and_of_the_roles_name(kept: str) -> None:
    own = urlsplit(url_of(kept, "waste"))
    owners = urlsplit(kept).password
    assert owners

    assert own.username == f"{urlsplit(kept).path[1:]}_waste"
    assert own.password == hmac.digest(owners.encode(), own.username.encode(), hashlib.sha256).hex()
    assert url_of(kept, "waste") != url_of(kept, "auth")
    assert (own.hostname, own.port, own.path) == (urlsplit(kept).hostname, urlsplit(kept).port, urlsplit(kept).path)
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        run(kept.replace(f"{urlsplit(kept).username}:", f"{own.username}:"), "SELECT 1")


@pytest.mark.parametrize(
    ("url", "role"),
    [
        (
            "postgresql://o:p%40ss@host:5433/eco2?sslmode=require",
            "postgresql://eco2_chat:{}@host:5433/eco2?sslmode=require",
        ),
        ("postgresql://o:p%40ss@one:1,two:2/eco%202", "postgresql://eco%202_chat:{}@one:1,two:2/eco%202"),
        ("postgresql://o:p%40ss@[::1]/eco2", "postgresql://eco2_chat:{}@[::1]/eco2"),
    ],
)
def test_the_rest_of_the_owners_url_stays(url: str, role: str) -> None:
    name = "eco 2_chat" if "eco%202" in url else "eco2_chat"

    assert url_of(url, "chat") == role.format(hmac.digest(b"p@ss", name.encode(), hashlib.sha256).hex())


def test_without_a_password_of_the_owners_there_are_no_roles() -> None:
    with pytest.raises(RolesError, match="ECO2_DATABASE_ROLES=false"):
        url_of("postgresql://eco2@host/eco2", "waste")


def test_a_name_that_postgresql_would_cut_is_refused() -> None:
    with pytest.raises(RolesError, match="63 bytes"):
        url_of(f"postgresql://o:p@host/{'e' * 58}", "waste")


def test_a_later_migrations_table_is_the_roles_too_and_what_was_granted_by_hand_goes(migrated: str) -> None:
    waste, chat = role_of(migrated, "waste"), role_of(migrated, "chat")
    run(migrated, "CREATE TABLE waste.later (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY)")
    run(migrated, f"GRANT USAGE ON SCHEMA waste TO {chat}")
    run(migrated, f"GRANT SELECT ON waste.scans, waste._yoyo_migration TO {chat}, {waste}")
    run(migrated, f"GRANT UPDATE (id) ON waste.scans TO {chat}")
    run(migrated, f"GRANT CREATE ON SCHEMA waste, public TO {waste}")
    run(migrated, "GRANT TEMPORARY ON DATABASE " + urlsplit(migrated).path[1:] + " TO PUBLIC")
    run(migrated, "GRANT USAGE ON SCHEMA waste, public TO PUBLIC")
    run(migrated, f"ALTER ROLE {waste} NOLOGIN PASSWORD NULL")
    run(migrated, "CREATE TABLE public.of_somebody_else (id int)")
    run(migrated, f"GRANT SELECT ON public.of_somebody_else TO {waste}")

    migrate(migrated)

    own = url_of(migrated, "waste")
    run(own, "INSERT INTO waste.later DEFAULT VALUES")
    assert run(own, "SELECT id FROM waste.later") == [(1,)]
    for statement in (
        "CREATE TABLE waste.x ()",
        "CREATE TABLE public.x ()",
        "CREATE TEMPORARY TABLE x ()",
        "SELECT FROM waste._yoyo_migration",
        "SELECT FROM public.of_somebody_else",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            run(own, statement)
    rights = "SELECT has_schema_privilege(%s, 'waste', 'USAGE'), has_any_column_privilege(%s, 'waste.scans', 'UPDATE')"
    assert run(migrated, rights, chat, chat) == [(False, False)]


@pytest.mark.parametrize("too_much", ["SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS"])
def test_a_role_that_somebody_made_mighty_is_named_and_nothing_is_granted(migrated: str, too_much: str) -> None:
    role = role_of(migrated, "waste")
    run(migrated, f"ALTER ROLE {role} {too_much}")
    run(migrated, "CREATE TABLE waste.later (id int)")

    with pytest.raises(RolesError, match=f"{role} has more rights than are its own"):
        migrations.grant_roles(migrated)

    assert run(migrated, "SELECT relacl FROM pg_class WHERE oid = 'waste.later'::regclass") == [(None,)]


def test_a_role_in_another_role_is_named(migrated: str) -> None:
    run(migrated, f"GRANT pg_read_all_data TO {role_of(migrated, 'waste')}")

    with pytest.raises(RolesError, match="is a member of pg_read_all_data"):
        migrations.grant_roles(migrated)


def test_a_second_time_changes_nothing(migrated: str) -> None:
    rights = "SELECT array_agg(relacl::text ORDER BY oid) FROM pg_class WHERE relnamespace = 'waste'::regnamespace"
    before = run(migrated, rights)

    with closing(psycopg2.connect(url_of(migrated, "waste"))) as service, service, service.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM waste.scans")  # its transaction goes on meanwhile
        assert migrate(migrated) == []
        cursor.execute("SELECT count(*) FROM waste.scans")

    assert run(migrated, rights) == before


def test_an_owner_who_may_not_create_roles_is_told_of_the_setting_that_does_without(stack: TestStack) -> None:
    name, url = f"owner_{uuid4().hex}", stack.settings["ECO2_DATABASE_URL"]
    run(url, f"CREATE ROLE {name} LOGIN PASSWORD 'its own'")
    try:
        with database(stack, owner=name) as made:
            run(made, "CREATE TABLE public.of_somebody_else ()")  # the superuser's
            own = f"postgresql://{name}:its%20own@{made.rpartition('@')[2]}"

            refused = module(stack, own, MODULE, "up")
            without = module(stack, own, MODULE, "up", ECO2_DATABASE_ROLES="false")
            run(url, f"ALTER ROLE {name} CREATEROLE")
            allowed = module(stack, own, MODULE, "up")

            assert (refused.returncode, without.returncode, allowed.returncode) == (1, 0, 0)
            assert f"the user {name} may not create roles" in refused.stderr
            assert "ECO2_DATABASE_ROLES=false" in refused.stderr
            assert "Traceback" not in refused.stderr
            assert without.stdout == "nothing to do\n"  # the migrations had been applied
            assert run(url_of(own, "waste"), "SELECT count(*) FROM waste.scans") == [(0,)]
            with pytest.raises(errors.InsufficientPrivilege):
                run(url_of(own, "waste"), "SELECT FROM auth.users")
            with pytest.raises(errors.InsufficientPrivilege):
                run(url_of(own, "waste"), "CREATE TEMPORARY TABLE x ()")
    finally:
        for role in (*(f"{urlsplit(made).path[1:]}_{schema}" for schema in SCHEMAS), name):
            run(url, sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def test_the_owner_of_nothing_but_its_schemas_cannot_promise_least_rights(stack: TestStack) -> None:
    """TEMPORARY is everybody's until the database's owner takes it away: said, not passed over."""
    name, url = f"guest_{uuid4().hex}", stack.settings["ECO2_DATABASE_URL"]
    run(url, f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'its own'")
    try:
        with database(stack) as made:
            run(made, f"GRANT CREATE ON DATABASE {urlsplit(made).path[1:]} TO {name}")
            own = f"postgresql://{name}:its%20own@{made.rpartition('@')[2]}"
            run(own, "CREATE SCHEMA waste")

            with pytest.raises(RolesError, match="temporary tables"):
                grant(own, ["waste"])
    finally:
        run(url, f"DROP ROLE {name}")


def test_no_password_is_in_what_postgresql_logs(stack: TestStack, migrated: str) -> None:
    name = urlsplit(migrated).path[1:]
    run(migrated, f"ALTER DATABASE {name} SET log_statement = 'all'")

    migrations.grant_roles(migrated)

    log = (stack.home / "log" / "postgresql.log").read_text()
    assert f"{name}_waste" in log
    assert [schema for schema in SCHEMAS if (urlsplit(url_of(migrated, schema)).password or "?") in log] == []
