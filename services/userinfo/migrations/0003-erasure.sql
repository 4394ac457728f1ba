-- What is not to come back when an event is heard late or twice.

-- Users whose account was deleted. Only a digest is left of them.
CREATE TABLE userinfo.erased (
    user_sha256 bytea PRIMARY KEY CHECK (octet_length(user_sha256) = 32),  -- of the id as text
    erased_at   timestamptz NOT NULL DEFAULT now()
);

-- Scans that were deleted; whose they were is not kept.
CREATE TABLE userinfo.deleted_scans (
    scan_id    uuid PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT now()
);
