-- The different names that begin with %(beginning)s, in their order: from each name the index is asked for the
-- next different one, however many points share it.
WITH RECURSIVE names (name_keys, name) AS (
    (
        SELECT name_keys, name FROM location.points
        WHERE name_keys LIKE location.keys(%(beginning)s) || '%%'
        ORDER BY name_keys LIMIT 1
    )
    UNION ALL
    SELECT following.name_keys, following.name
    FROM names CROSS JOIN LATERAL (
        SELECT name_keys, name FROM location.points
        WHERE name_keys LIKE location.keys(%(beginning)s) || '%%' AND points.name_keys > names.name_keys
        ORDER BY name_keys LIMIT 1
    ) AS following
)
SELECT name FROM names LIMIT %(limit)s
