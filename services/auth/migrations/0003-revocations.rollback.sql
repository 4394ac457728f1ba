DROP TABLE auth.revocations;
DROP INDEX auth.sessions_live;
UPDATE auth.sessions SET revoked_reason = 'logout' WHERE revoked_reason NOT IN ('logout', 'reuse');
ALTER TABLE auth.sessions
    DROP CONSTRAINT sessions_revoked_reason_check,
    ADD CONSTRAINT sessions_revoked_reason_check CHECK (revoked_reason IN ('logout', 'reuse')),
    DROP COLUMN renewed_at,
    DROP COLUMN user_agent,
    DROP COLUMN address,
    DROP COLUMN method;
