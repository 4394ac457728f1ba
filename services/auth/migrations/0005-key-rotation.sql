-- A key is published before it signs, signs, and is retired: next, current, retired.

DROP INDEX auth.signing_keys_one_current;

ALTER TABLE auth.signing_keys ADD COLUMN activated_at timestamptz CHECK (activated_at >= created_at);

UPDATE auth.signing_keys SET activated_at = created_at;

ALTER TABLE auth.signing_keys ADD CHECK (retired_at IS NULL OR activated_at IS NOT NULL);

CREATE UNIQUE INDEX signing_keys_one_current ON auth.signing_keys ((true))
    WHERE activated_at IS NOT NULL AND retired_at IS NULL;
CREATE UNIQUE INDEX signing_keys_one_next ON auth.signing_keys ((true)) WHERE activated_at IS NULL;
