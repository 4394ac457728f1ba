"""Every hot query uses the index made for it, over twenty thousand points and whatever the search_path."""

from collections.abc import Iterator
from typing import Any, get_args

import psycopg2
import pytest

from services.location import clusters, search, sphere
from services.location.points import NEAREST, Kind
from services.location.search import SUGGEST
from tests.services.running import Running

ANY = {"kinds": None, "today": None, "night": None}
BOX = {"south": 36.0, "west": 127.0, "north": 36.02, "east": 127.02, "kinds": None}
CELLS = {"left": 56000, "right": 56016, "top": 25000, "bottom": 25016, "stored": 16, "coarser": 0, "kinds": None}
PLACE = {"here": sphere.cube(36.5, 127.5), "chord": 5000.0, "kinds": list(get_args(Kind)), "limit": 20}


@pytest.fixture(scope="module")
def crowd(location: Running) -> Iterator[None]:
    location.sql(
        "INSERT INTO location.points (id, kind, name, address, lat, lon)"
        " SELECT gen_random_uuid(), (ARRAY['battery_box', 'lamp_box', 'clothing_box'])[1 + n %% 3],"
        " '모임 ' || chr(44032 + n %% 11172) || chr(44032 + n * 7 %% 11172) || ' ' || n, '길 ' || md5(n::text),"
        " 34 + random() * 4, 126 + random() * 3 FROM generate_series(1, 20000) AS n"
    )
    location.sql("ANALYZE location.points")
    location.sql("ANALYZE location.cells")
    yield
    location.sql("DELETE FROM location.points WHERE name LIKE '모임 %%'")


def plan(location: Running, statement: str, values: dict[str, Any]) -> str:
    connection = psycopg2.connect(location.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET search_path TO pg_catalog")
            cursor.execute(f"EXPLAIN {statement}", values)
            return "\n".join(line for (line,) in cursor.fetchall())
    finally:
        connection.close()


def searched(*words: str) -> tuple[str, dict[str, Any]]:
    statement, parameters = search.statement(list(words))
    return statement, {**ANY, **parameters, "candidates": search.CANDIDATES, "limit": 20}


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ((NEAREST, {**ANY, **PLACE}), "points_kind_position"),
        ((NEAREST, {**PLACE, "today": 600, "night": 4920}), "points_kind_position"),
        ((clusters.IN_BOX, {**BOX, "limit": 301}), "points_place"),
        ((clusters.NEAR, {**BOX, "level": 18}), "points_place"),
        ((clusters.FAR, CELLS), "cells_pkey"),
        (searched("갉낡"), "Bitmap Index Scan on points_keys"),
        (searched("갉", "낡"), "Bitmap Index Scan on points_keys"),
        (searched("ㅎㅎㅎㅎ"), "Bitmap Index Scan on points_initials"),
        (searched("모임"), "Index Scan using points_pkey"),
        ((SUGGEST, {"beginning": "모임 가", "limit": 10}), "Index Scan using points_name_keys"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_hot_query_reads_its_index(
    location: Running, crowd: None, query: tuple[str, dict[str, Any]], index: str
) -> None:
    told = plan(location, *query)

    assert index in told
    assert "Seq Scan" not in told
