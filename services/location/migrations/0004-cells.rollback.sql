DROP TRIGGER points_emptied ON location.points;
DROP TRIGGER points_removed ON location.points;
DROP TRIGGER points_changed ON location.points;
DROP TRIGGER points_added ON location.points;
DROP FUNCTION location.count_points();
DROP TABLE location.cells;
DROP INDEX location.points_place;
ALTER TABLE location.points
    DROP COLUMN tile_y,
    DROP COLUMN tile_x;
