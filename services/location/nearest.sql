-- The points within %(chord)s metres, in a straight line through the earth, of the place %(here)s, nearest
-- first. The box is what the index can search; the distance cuts its corners off. Operators and functions of
-- the extension cube are qualified: the search_path is nobody's promise.
SELECT id, kind, name, address, lat, lon, phone, hours, sample,
       position OPERATOR(public.<->) %(here)s::public.cube AS chord
FROM location.points
WHERE position OPERATOR(public.<@) public.cube_enlarge(%(here)s::public.cube, %(chord)s, 3)
  AND position OPERATOR(public.<->) %(here)s::public.cube <= %(chord)s
  AND (%(kinds)s::text[] IS NULL OR kind = ANY (%(kinds)s::text[]))
ORDER BY position OPERATOR(public.<->) %(here)s::public.cube, id
LIMIT %(limit)s
