-- From the counted cells of level %(stored)s, each put into its cell %(coarser)s levels above.
SELECT x >> %(coarser)s, y >> %(coarser)s, kind, sum(count), sum(lat_sum), sum(lon_sum)
FROM location.cells
WHERE level = %(stored)s
  AND x BETWEEN %(left)s AND %(right)s
  AND y BETWEEN %(top)s AND %(bottom)s
  AND count > 0
  AND (%(kinds)s::text[] IS NULL OR kind = ANY (%(kinds)s::text[]))
GROUP BY 1, 2, 3
