-- What a map shows from afar: how many points each cell of a grid holds, counted when points change rather than
-- when somebody looks. The grid is that of web maps (Mercator): level n has 2^n columns and rows; the even
-- levels from 4 to 16 are kept, 16 being about half a kilometre in Korea.

ALTER TABLE location.points
    ADD COLUMN tile_x int NOT NULL GENERATED ALWAYS AS (
        least(16777215, floor((lon + 180) / 360 * 16777216))::int
    ) STORED,
    ADD COLUMN tile_y int NOT NULL GENERATED ALWAYS AS (
        floor((0.5 - ln(tan(pi() / 4 + radians(least(85.05, greatest(-85.05, lat))) / 2)) / (2 * pi())) * 16777216)::int
    ) STORED;

COMMENT ON COLUMN location.points.tile_x IS 'column of the grid of level 24, from the date line to the east';
COMMENT ON COLUMN location.points.tile_y IS 'row of the grid of level 24, from the north to the south';

CREATE INDEX points_place ON location.points USING gist (point(lon, lat));

CREATE TABLE location.cells (
    level   smallint NOT NULL,
    x       int NOT NULL,
    y       int NOT NULL,
    kind    text NOT NULL,
    count   int NOT NULL,
    lat_sum double precision NOT NULL,
    lon_sum double precision NOT NULL,
    PRIMARY KEY (level, x, y, kind)
);

CREATE FUNCTION location.count_points() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        INSERT INTO location.cells
        SELECT level, tile_x >> (24 - level), tile_y >> (24 - level), kind, count(*), sum(lat), sum(lon)
        FROM added, generate_series(4, 16, 2) AS level
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4  -- in one order, so that two writers wait rather than deadlock
        ON CONFLICT (level, x, y, kind) DO UPDATE SET
            count = cells.count + excluded.count,
            lat_sum = cells.lat_sum + excluded.lat_sum,
            lon_sum = cells.lon_sum + excluded.lon_sum;
    WHEN 'UPDATE' THEN
        INSERT INTO location.cells
        SELECT level, tile_x >> (24 - level), tile_y >> (24 - level), kind, sum(sign), sum(sign * lat), sum(sign * lon)
        FROM (
            SELECT 1 AS sign, tile_x, tile_y, kind, lat, lon FROM added
            UNION ALL
            SELECT -1, tile_x, tile_y, kind, lat, lon FROM removed
        ) AS changes, generate_series(4, 16, 2) AS level
        GROUP BY 1, 2, 3, 4
        HAVING sum(sign) <> 0 OR sum(sign * lat) <> 0 OR sum(sign * lon) <> 0
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (level, x, y, kind) DO UPDATE SET
            count = cells.count + excluded.count,
            lat_sum = cells.lat_sum + excluded.lat_sum,
            lon_sum = cells.lon_sum + excluded.lon_sum;
    WHEN 'DELETE' THEN
        INSERT INTO location.cells
        SELECT level, tile_x >> (24 - level), tile_y >> (24 - level), kind, -count(*), -sum(lat), -sum(lon)
        FROM removed, generate_series(4, 16, 2) AS level
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        ON CONFLICT (level, x, y, kind) DO UPDATE SET
            count = cells.count + excluded.count,
            lat_sum = cells.lat_sum + excluded.lat_sum,
            lon_sum = cells.lon_sum + excluded.lon_sum;
    WHEN 'TRUNCATE' THEN
        TRUNCATE location.cells;
    END CASE;
    RETURN NULL;
END
$$;

CREATE TRIGGER points_added AFTER INSERT ON location.points
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION location.count_points();
CREATE TRIGGER points_changed AFTER UPDATE ON location.points
    REFERENCING NEW TABLE AS added OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION location.count_points();
CREATE TRIGGER points_removed AFTER DELETE ON location.points
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION location.count_points();
CREATE TRIGGER points_emptied AFTER TRUNCATE ON location.points
    FOR EACH STATEMENT EXECUTE FUNCTION location.count_points();

INSERT INTO location.cells
SELECT level, tile_x >> (24 - level), tile_y >> (24 - level), kind, count(*), sum(lat), sum(lon)
FROM location.points, generate_series(4, 16, 2) AS level
GROUP BY 1, 2, 3, 4;
