-- From the points themselves: where cells are so small that few points lie in sight.
SELECT tile_x >> (24 - %(level)s), tile_y >> (24 - %(level)s), kind, count(*), sum(lat), sum(lon)
FROM location.points
WHERE point(lon, lat) <@ box(point(%(west)s, %(south)s), point(%(east)s, %(north)s))
  AND (%(kinds)s::text[] IS NULL OR kind = ANY (%(kinds)s::text[]))
GROUP BY 1, 2, 3
