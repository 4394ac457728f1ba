-- Points of a source, new or known by their ids there. A point that has not changed is not written, and not
-- returned; of the others, whether it is new.
INSERT INTO location.points AS known
    (id, kind, name, address, lat, lon, phone, hours, opening, source, source_id)
VALUES %s
ON CONFLICT (source, source_id) DO UPDATE SET
    kind = excluded.kind, name = excluded.name, address = excluded.address, lat = excluded.lat, lon = excluded.lon,
    phone = excluded.phone, hours = excluded.hours, opening = excluded.opening
WHERE (known.kind, known.name, known.address, known.lat, known.lon, known.phone, known.hours, known.opening)
   IS DISTINCT FROM (excluded.kind, excluded.name, excluded.address, excluded.lat, excluded.lon, excluded.phone,
                     excluded.hours, excluded.opening)
RETURNING xmax = 0
