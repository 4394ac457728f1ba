-- Accounts, their sessions with rotated refresh tokens, and the keys that sign access tokens.

CREATE TABLE auth.users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE
                  CHECK (email = lower(email) AND char_length(email) BETWEEN 3 AND 254),
    name          text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 30),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    created_at    timestamptz NOT NULL,
    announced_at  timestamptz CHECK (announced_at >= created_at)
);

COMMENT ON COLUMN auth.users.announced_at IS 'when the event user_registered reached the broker';

CREATE INDEX users_unannounced ON auth.users (created_at) WHERE announced_at IS NULL;

-- A session is the family of the refresh tokens that followed from one sign-in.
CREATE TABLE auth.sessions (
    id             uuid PRIMARY KEY,
    user_id        uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL CHECK (expires_at > created_at),
    revoked_at     timestamptz,
    revoked_reason text CHECK (revoked_reason IN ('logout', 'reuse')),
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);

CREATE INDEX sessions_user ON auth.sessions (user_id);
CREATE INDEX sessions_expiry ON auth.sessions (expires_at);

CREATE TABLE auth.refresh_tokens (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    session_id uuid NOT NULL REFERENCES auth.sessions ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    used_at    timestamptz CHECK (used_at >= issued_at)
);

CREATE INDEX refresh_tokens_session ON auth.refresh_tokens (session_id);
CREATE UNIQUE INDEX refresh_tokens_one_live ON auth.refresh_tokens (session_id) WHERE used_at IS NULL;

CREATE TABLE auth.signing_keys (
    kid         text PRIMARY KEY,
    private_key bytea NOT NULL CHECK (octet_length(private_key) = 32),
    created_at  timestamptz NOT NULL,
    retired_at  timestamptz CHECK (retired_at >= created_at)
);

COMMENT ON TABLE auth.signing_keys IS 'Ed25519; a retired key verifies what it signed and signs nothing new';

CREATE UNIQUE INDEX signing_keys_one_current ON auth.signing_keys ((true)) WHERE retired_at IS NULL;
