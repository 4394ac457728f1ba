-- Where and how somebody signed in, why a session ended, and access tokens that end before their time.

ALTER TABLE auth.sessions
    ADD COLUMN method text NOT NULL DEFAULT 'password' CHECK (method IN ('password', 'google', 'kakao', 'naver')),
    ADD COLUMN address text CHECK (char_length(address) <= 45),
    ADD COLUMN user_agent text CHECK (char_length(user_agent) <= 300),
    ADD COLUMN renewed_at timestamptz CHECK (renewed_at >= created_at),
    DROP CONSTRAINT sessions_revoked_reason_check,
    ADD CONSTRAINT sessions_revoked_reason_check CHECK (revoked_reason IN (
        'logout', 'reuse', 'logout_everywhere', 'ended', 'password_changed', 'password_reset', 'taken_over'));

ALTER TABLE auth.sessions ALTER COLUMN method DROP DEFAULT;

CREATE INDEX sessions_live ON auth.sessions (user_id, created_at) WHERE revoked_at IS NULL;

CREATE TABLE auth.revocations (
    id         uuid PRIMARY KEY,
    revoked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > revoked_at)
);

COMMENT ON TABLE auth.revocations IS 'a session (sid) or an access token (jti); kept until its tokens have expired';

CREATE INDEX revocations_age ON auth.revocations (revoked_at);
CREATE INDEX revocations_expiry ON auth.revocations (expires_at);
