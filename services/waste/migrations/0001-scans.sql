CREATE TABLE scans (
    id              uuid PRIMARY KEY,
    owner           uuid,                    -- null: sent without signing in
    scope           text NOT NULL,           -- whose idempotency keys these are
    idempotency_key text CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_sha256  text NOT NULL CHECK (request_sha256 ~ '^[0-9a-f]{64}$'),
    language        text NOT NULL CHECK (language IN ('ko', 'en')),
    state           text NOT NULL CHECK (state IN ('queued', 'stored', 'completed', 'failed')),
    stage           text NOT NULL,
    percent         smallint NOT NULL CHECK (percent BETWEEN 0 AND 100),
    image_key       text,
    image_bytes     integer NOT NULL CHECK (image_bytes > 0),
    image_width     integer NOT NULL CHECK (image_width > 0),
    image_height    integer NOT NULL CHECK (image_height > 0),
    result          jsonb,
    error_code      text,
    error_detail    text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    CHECK (state = 'queued' OR image_key IS NOT NULL OR state = 'failed'),
    CHECK ((state = 'completed') = (result IS NOT NULL)),
    CHECK ((state = 'failed') = (error_code IS NOT NULL)),
    CHECK ((state IN ('completed', 'failed')) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX scans_idempotency ON scans (scope, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX scans_unfinished ON scans (created_at) WHERE state IN ('queued', 'stored');
CREATE INDEX scans_of_owner ON scans (owner, created_at DESC) WHERE owner IS NOT NULL;
