-- A photo that a client puts into the object store itself.
--
--     open --the object is checked--> completed --a scan opens with it--> used
--       '------------+--------------------'
--                    '--too late, or its user is gone--> expired
CREATE TABLE uploads (
    id           uuid PRIMARY KEY,
    owner        uuid,                    -- null: asked for without signing in, or its user is gone
    scope        text NOT NULL CHECK (length(scope) BETWEEN 1 AND 100),  -- who may have so many open at once
    state        text NOT NULL CHECK (state IN ('open', 'completed', 'used', 'expired')),
    content_type text NOT NULL CHECK (content_type IN ('image/jpeg', 'image/png', 'image/webp')),
    bytes        integer NOT NULL CHECK (bytes > 0),
    scan_id      uuid UNIQUE,             -- the scan that it opened; may be deleted by now
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,    -- of the address while it is open, then of the upload
    CONSTRAINT a_used_upload_has_its_scan CHECK ((state = 'used') = (scan_id IS NOT NULL)),
    CONSTRAINT it_expires_later CHECK (expires_at > created_at)
);
CREATE INDEX uploads_expiring ON uploads (expires_at) WHERE state IN ('open', 'completed');
CREATE INDEX uploads_done ON uploads (expires_at) WHERE state IN ('used', 'expired');
CREATE INDEX uploads_of_scope ON uploads (scope) WHERE state IN ('open', 'completed');
CREATE INDEX uploads_of_owner ON uploads (owner) WHERE owner IS NOT NULL;

-- A scan that begins with an upload knows the size of its picture when the storage worker has made it.
ALTER TABLE scans ADD COLUMN imported boolean NOT NULL DEFAULT false;
ALTER TABLE scans ALTER COLUMN image_bytes DROP NOT NULL;
ALTER TABLE scans ALTER COLUMN image_width DROP NOT NULL;
ALTER TABLE scans ALTER COLUMN image_height DROP NOT NULL;
ALTER TABLE scans ADD CONSTRAINT the_size_is_known_whole
    CHECK (num_nulls(image_bytes, image_width, image_height) IN (0, 3));
ALTER TABLE scans ADD CONSTRAINT the_size_is_known_but_of_what_is_imported
    CHECK (image_bytes IS NOT NULL OR (imported AND image_key IS NULL));

-- Users who are gone: until nobody can hold a token of theirs any more, what is still theirs is erased again.
CREATE TABLE erasures (
    user_id  uuid PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX feedback_of_viewer ON feedback (viewer) WHERE viewer <> '00000000-0000-0000-0000-000000000000';
