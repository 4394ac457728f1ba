-- Verified addresses, letters that wait to be sent, the tokens in them, and events that wait for the broker.

ALTER TABLE auth.users ADD COLUMN verified_at timestamptz CHECK (verified_at >= created_at);

COMMENT ON COLUMN auth.users.verified_at IS 'when somebody proved to read what is sent to the address';

CREATE TABLE auth.letter_tokens (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    user_id    uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    purpose    text NOT NULL CHECK (purpose IN ('verify', 'reset')),
    expires_at timestamptz NOT NULL
);

COMMENT ON TABLE auth.letter_tokens IS 'good for one use: what one achieves makes the others of its user and purpose useless too';

CREATE INDEX letter_tokens_user ON auth.letter_tokens (user_id, purpose);
CREATE INDEX letter_tokens_expiry ON auth.letter_tokens (expires_at);

CREATE TABLE auth.letters (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('verify', 'taken', 'waiting', 'reset', 'password_changed', 'linked',
                                             'taken_over', 'deleted')),
    recipient  text NOT NULL CHECK (recipient = lower(recipient) AND char_length(recipient) BETWEEN 3 AND 254),
    created_at timestamptz NOT NULL,
    attempts   integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due_at     timestamptz,
    sent_at    timestamptz CHECK (sent_at >= created_at),
    error      text CHECK (char_length(error) <= 500),
    CHECK (sent_at IS NULL OR due_at IS NULL)
);

COMMENT ON TABLE auth.letters IS 'holds no token, and may be to nobody: both show when it is sent';
COMMENT ON COLUMN auth.letters.due_at IS 'the next attempt; null when it was sent or given up';

CREATE INDEX letters_due ON auth.letters (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX letters_recipient ON auth.letters (recipient, kind, created_at);
CREATE INDEX letters_age ON auth.letters (created_at);

CREATE TABLE auth.announcements (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    event      text NOT NULL CHECK (event IN ('user_registered', 'user_deleted')),
    payload    jsonb NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    created_at timestamptz NOT NULL
);

COMMENT ON TABLE auth.announcements IS 'events on their way to the broker, in order';

INSERT INTO auth.announcements (event, payload, created_at)
SELECT 'user_registered', jsonb_build_object('user_id', id, 'name', name), created_at
FROM auth.users WHERE announced_at IS NULL ORDER BY created_at;

ALTER TABLE auth.users DROP COLUMN announced_at;
