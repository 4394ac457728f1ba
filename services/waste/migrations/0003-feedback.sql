ALTER TABLE scans ADD COLUMN requeued_at timestamptz CHECK (requeued_at >= created_at);  -- null: was never late

-- The history reads its pages from this one, and needs no sort.
CREATE INDEX scans_history ON scans (owner, created_at DESC, id DESC) WHERE owner IS NOT NULL;
DROP INDEX scans_of_owner;
-- Whether another scan shows the same picture.
CREATE INDEX scans_of_image ON scans (image_key) WHERE image_key IS NOT NULL;

-- What people say of an answer. It goes with its scan.
CREATE TABLE feedback (
    scan_id    uuid NOT NULL REFERENCES scans (id) ON DELETE CASCADE,
    viewer     uuid NOT NULL,            -- all zeros: sent without signing in
    verdict    text NOT NULL CHECK (verdict IN ('right', 'wrong')),
    item_id    text CHECK (item_id ~ '^[a-z][a-z0-9_]{0,99}$'),  -- what it is instead, if they know
    comment    text CHECK (char_length(comment) BETWEEN 1 AND 500),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now() CHECK (updated_at >= created_at),
    PRIMARY KEY (scan_id, viewer),
    CONSTRAINT only_a_wrong_answer_is_corrected CHECK (verdict = 'wrong' OR item_id IS NULL)
);
