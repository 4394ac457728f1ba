DROP TABLE auth.audit;
DROP TABLE auth.known_places;
DROP TABLE auth.attempts;
