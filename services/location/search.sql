-- The points whose name, kind or address hold every word that is looked for. At most %(candidates)s are ranked,
-- taken in the order of their ids, which says nothing of what they are: words that half of the points share
-- (수거함) then cost a short walk over the primary key, rare ones a look into the trigram index.
SELECT id, kind, name, address, lat, lon, phone, hours, opening::text, sample
FROM (
    SELECT *
    FROM location.points
    WHERE {words}
      AND (%(kinds)s::text[] IS NULL OR kind = ANY (%(kinds)s::text[]))
      AND (%(today)s::int IS NULL OR opening @> %(today)s::int OR opening @> %(night)s::int)
    ORDER BY id
    LIMIT %(candidates)s
) AS candidates
ORDER BY strpos({column}, %(first)s), char_length(name), name COLLATE "C", id
LIMIT %(limit)s
