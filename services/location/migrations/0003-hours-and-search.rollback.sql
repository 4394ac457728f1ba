-- The extensions stay: another schema may use them by now.
DROP INDEX location.points_kind_position;
CREATE INDEX points_position ON location.points USING gist (position);

ALTER TABLE location.points
    DROP CONSTRAINT hours_are_short,
    DROP CONSTRAINT phone_is_short,
    DROP COLUMN initials,
    DROP COLUMN keys,
    DROP COLUMN name_keys,
    DROP COLUMN opening,
    DROP COLUMN source_id,
    DROP COLUMN source;

DROP FUNCTION location.pattern(text);
DROP FUNCTION location.initials(text);
DROP FUNCTION location.keys(text);
DROP FUNCTION location.kind_name(text);
