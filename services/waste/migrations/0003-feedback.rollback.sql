DROP TABLE feedback;
CREATE INDEX scans_of_owner ON scans (owner, created_at DESC) WHERE owner IS NOT NULL;
DROP INDEX scans_of_image;
DROP INDEX scans_history;
ALTER TABLE scans DROP COLUMN requeued_at;
