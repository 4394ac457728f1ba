DROP INDEX feedback_of_viewer;
DROP TABLE erasures;
-- Before uploads there was no scan without its picture's size.
DELETE FROM scans WHERE image_bytes IS NULL;
ALTER TABLE scans DROP CONSTRAINT the_size_is_known_but_of_what_is_imported;
ALTER TABLE scans DROP CONSTRAINT the_size_is_known_whole;
ALTER TABLE scans ALTER COLUMN image_height SET NOT NULL;
ALTER TABLE scans ALTER COLUMN image_width SET NOT NULL;
ALTER TABLE scans ALTER COLUMN image_bytes SET NOT NULL;
ALTER TABLE scans DROP COLUMN imported;
DROP TABLE uploads;
