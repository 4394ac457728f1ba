ALTER TABLE userinfo.profiles
    DROP COLUMN avatar_change,
    DROP COLUMN avatar_key,
    DROP COLUMN on_leaderboard,
    DROP COLUMN notify_news,
    DROP COLUMN notify_weekly,
    DROP COLUMN notify_results,
    DROP COLUMN units,
    DROP CONSTRAINT region_is_an_id;
COMMENT ON COLUMN userinfo.profiles.region IS NULL;
UPDATE userinfo.profiles SET region = '' WHERE region IS NULL OR char_length(region) > 40;
ALTER TABLE userinfo.profiles
    ALTER COLUMN region SET NOT NULL,
    ALTER COLUMN region SET DEFAULT '',
    ADD CONSTRAINT profiles_region_check CHECK (char_length(region) <= 40);
