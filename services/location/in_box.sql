-- The points in a box of latitudes and longitudes.
SELECT id, kind, name, address, lat, lon, phone, hours, opening::text, sample
FROM location.points
WHERE point(lon, lat) <@ box(point(%(west)s, %(south)s), point(%(east)s, %(north)s))
  AND (%(kinds)s::text[] IS NULL OR kind = ANY (%(kinds)s::text[]))
LIMIT %(limit)s
