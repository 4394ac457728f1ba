-- How a user wants to be spoken to and shown, and the picture. Region and language were there already; a region is
-- now the id of one that the rules know. What people have typed before cannot be looked up here: whoever had
-- something else chooses again.

ALTER TABLE userinfo.profiles
    DROP CONSTRAINT profiles_region_check,
    ALTER COLUMN region DROP DEFAULT,
    ALTER COLUMN region DROP NOT NULL;
UPDATE userinfo.profiles SET region = NULL WHERE region !~ '^[a-z][a-z0-9_]{0,49}$';
ALTER TABLE userinfo.profiles
    ADD CONSTRAINT region_is_an_id CHECK (region ~ '^[a-z][a-z0-9_]{0,49}$'),
    ADD COLUMN units text NOT NULL DEFAULT 'metric' CHECK (units IN ('metric', 'imperial')),
    ADD COLUMN notify_results boolean NOT NULL DEFAULT true,
    ADD COLUMN notify_weekly boolean NOT NULL DEFAULT false,
    ADD COLUMN notify_news boolean NOT NULL DEFAULT false,
    ADD COLUMN on_leaderboard boolean NOT NULL DEFAULT false,
    ADD COLUMN avatar_key text UNIQUE CHECK (avatar_key ~ '^avatars/[0-9a-f]{2}/[0-9a-f]{64}\.(jpg|png|webp)$'),
    ADD COLUMN avatar_change uuid,
    ADD CONSTRAINT a_picture_came_by_a_change CHECK (avatar_key IS NULL OR avatar_change IS NOT NULL);

COMMENT ON COLUMN userinfo.profiles.region IS 'an id of the knowledge; null: the rules of the whole country';
COMMENT ON COLUMN userinfo.profiles.notify_results IS 'when a scan is finished';
COMMENT ON COLUMN userinfo.profiles.notify_weekly IS 'a summary of the week';
COMMENT ON COLUMN userinfo.profiles.notify_news IS 'changed rules and new features';
COMMENT ON COLUMN userinfo.profiles.avatar_change IS
    'UUIDv7 of the upload or removal that counts: one that was begun before it changes nothing any more';
