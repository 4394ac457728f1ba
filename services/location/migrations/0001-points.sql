-- Collection points on the globe.
--
-- A place is a point in space (cube, metres from the centre of the earth), so that "within r metres" and
-- "nearest first" are index scans without a seam at the date line or the poles. Only cube is needed of
-- contrib: it is trusted, so that the owner of the database may install it, which earthdistance is not;
-- and its functions are written in C and resolved here, whatever search_path a later session has.

CREATE EXTENSION IF NOT EXISTS cube SCHEMA public;

CREATE TABLE location.points (
    id       uuid PRIMARY KEY,
    kind     text NOT NULL CHECK (kind IN (
        'collection_center', 'zero_waste_shop', 'battery_box', 'lamp_box', 'clothing_box', 'ewaste_box'
    )),
    name     text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    address  text NOT NULL CHECK (char_length(address) BETWEEN 1 AND 200),
    lat      double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    lon      double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    phone    text,
    hours    text,
    sample   boolean NOT NULL DEFAULT false,
    position public.cube NOT NULL GENERATED ALWAYS AS (
        public.cube(ARRAY[
            6371008.8 * cos(radians(lat)) * cos(radians(lon)),
            6371008.8 * cos(radians(lat)) * sin(radians(lon)),
            6371008.8 * sin(radians(lat))
        ])
    ) STORED,
    CONSTRAINT samples_say_so CHECK (sample = (name LIKE '예시 %'))
);

COMMENT ON COLUMN location.points.sample IS 'invented, to try the service with; not a real place';
COMMENT ON COLUMN location.points.position IS 'x, y, z in metres on the sphere of the mean radius 6371008.8 m';

CREATE INDEX points_position ON location.points USING gist (position);
