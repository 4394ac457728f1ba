-- Failed sign-ins, the places from which an account is known to be used, and what happened to accounts.

CREATE TABLE auth.attempts (
    account  bytea NOT NULL CHECK (octet_length(account) = 32),
    place    bytea NOT NULL CHECK (octet_length(place) IN (0, 32)),
    failures integer NOT NULL CHECK (failures >= 0),
    last_at  timestamptz NOT NULL,
    PRIMARY KEY (account, place)
);

COMMENT ON TABLE auth.attempts IS 'failed sign-ins since the last success, by hashes of the address and of the place';
COMMENT ON COLUMN auth.attempts.place IS 'empty: all the places together that never signed in to the account';

CREATE INDEX attempts_age ON auth.attempts (last_at);

CREATE TABLE auth.known_places (
    user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    place   bytea NOT NULL CHECK (octet_length(place) = 32),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, place)
);

CREATE INDEX known_places_age ON auth.known_places (last_at);

CREATE TABLE auth.audit (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    event      text NOT NULL CHECK (event ~ '^[a-z_]{1,40}$'),
    at         timestamptz NOT NULL,
    address    text CHECK (char_length(address) <= 45),
    user_agent text CHECK (char_length(user_agent) <= 300)
);

COMMENT ON TABLE auth.audit IS 'what happened to an account; of a deleted account nothing but that it was deleted';

CREATE INDEX audit_user ON auth.audit (user_id, at DESC, id DESC);
CREATE INDEX audit_age ON auth.audit (at);
