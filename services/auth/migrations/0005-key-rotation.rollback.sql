DROP INDEX auth.signing_keys_one_current;
DELETE FROM auth.signing_keys WHERE activated_at IS NULL;
ALTER TABLE auth.signing_keys DROP COLUMN activated_at;
CREATE UNIQUE INDEX signing_keys_one_current ON auth.signing_keys ((true)) WHERE retired_at IS NULL;
