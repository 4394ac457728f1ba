-- The extension stays: another schema may use it by now.
DROP TABLE location.points;
