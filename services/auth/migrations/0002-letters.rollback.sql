ALTER TABLE auth.users ADD COLUMN announced_at timestamptz CHECK (announced_at >= created_at);
COMMENT ON COLUMN auth.users.announced_at IS 'when the event user_registered reached the broker';
UPDATE auth.users SET announced_at = greatest(created_at, now())
WHERE id NOT IN (SELECT (payload ->> 'user_id')::uuid FROM auth.announcements WHERE event = 'user_registered');
CREATE INDEX users_unannounced ON auth.users (created_at) WHERE announced_at IS NULL;
DROP TABLE auth.announcements;
DROP TABLE auth.letters;
DROP TABLE auth.letter_tokens;
ALTER TABLE auth.users DROP COLUMN verified_at;
