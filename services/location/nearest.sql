-- The points within %(chord)s metres, in a straight line through the earth, of the place %(here)s, nearest
-- first, of each of the %(kinds)s: the index leads from one point to the next nearest of a kind, so that a rare
-- kind costs no more than a common one. The box ends that walk; the distance cuts its corners off, outside, since
-- whatever lies in them is farther than all within. Overlap rather than containment, which is the same for points:
-- the planner takes containment for so rare that it would rather fetch the whole box and sort it.
-- Operators and functions of extensions are qualified: the search_path is nobody's promise.
SELECT found.*
FROM unnest(%(kinds)s::text[]) AS wanted (kind)
CROSS JOIN LATERAL (
    SELECT id, kind, name, address, lat, lon, phone, hours, opening::text, sample,
           position OPERATOR(public.<->) %(here)s::public.cube AS chord
    FROM location.points
    WHERE points.kind = wanted.kind
      AND position OPERATOR(public.&&) public.cube_enlarge(%(here)s::public.cube, %(chord)s, 3)
      AND (%(today)s::int IS NULL OR opening @> %(today)s::int OR opening @> %(night)s::int)
    ORDER BY position OPERATOR(public.<->) %(here)s::public.cube
    LIMIT %(limit)s
) AS found
WHERE found.chord <= %(chord)s
ORDER BY found.chord, found.id
LIMIT %(limit)s
