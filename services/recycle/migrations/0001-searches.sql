-- What people search for, to improve the search: no user, no address, just the words.

CREATE TABLE recycle.searches (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    query      text NOT NULL CHECK (char_length(query) BETWEEN 1 AND 100),
    hits       integer NOT NULL CHECK (hits >= 0),
    top_item   text,
    created_at timestamptz NOT NULL,
    CHECK ((hits = 0) = (top_item IS NULL))
);

CREATE INDEX searches_time ON recycle.searches (created_at);
-- The words that nothing was found for: what the knowledge lacks.
CREATE INDEX searches_in_vain ON recycle.searches (query) WHERE hits = 0;
