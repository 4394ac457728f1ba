-- Who an account is elsewhere. Such an account may have no password, and no address that is proven.

CREATE TABLE auth.identities (
    provider     text NOT NULL CHECK (provider IN ('google', 'kakao', 'naver')),
    subject      text NOT NULL CHECK (char_length(subject) BETWEEN 1 AND 255),
    user_id      uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    email        text CHECK (char_length(email) BETWEEN 3 AND 254),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL CHECK (last_used_at >= created_at),
    PRIMARY KEY (provider, subject),
    UNIQUE (user_id, provider)
);

COMMENT ON COLUMN auth.identities.email IS 'as the provider gave it, proven or not';

ALTER TABLE auth.users
    ALTER COLUMN email DROP NOT NULL,
    ALTER COLUMN password_hash DROP NOT NULL,
    ADD CONSTRAINT users_password_needs_email CHECK (email IS NOT NULL OR password_hash IS NULL),
    ADD CONSTRAINT users_verified_needs_email CHECK (email IS NOT NULL OR verified_at IS NULL);
