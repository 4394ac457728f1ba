DELETE FROM location.points WHERE sample;
