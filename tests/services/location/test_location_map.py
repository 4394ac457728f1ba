"""The map: clusters that count every point once, points when one is near; never more than a map can show."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.location.clusters import CELLS_ACROSS, grid_level
from tests.services.running import Running

KOREA = {"south": 33.0, "west": 124.0, "north": 39.0, "east": 132.0}
TOWN = {"south": 34.0, "west": 127.0, "north": 34.2, "east": 127.2}


@pytest.fixture(scope="module")
def crowd(location: Running) -> Iterator[list[tuple[float, float, str]]]:
    """Two thousand points in a town without samples."""
    chance = random.Random(7)
    kinds = ("battery_box", "lamp_box", "clothing_box")
    crowd = [(chance.uniform(34.0, 34.2), chance.uniform(127.0, 127.2), chance.choice(kinds)) for _ in range(2000)]
    location.sql(
        "INSERT INTO location.points (id, kind, name, address, lat, lon)"
        " SELECT gen_random_uuid(), kind, 'crowd', 'x', lat, lon FROM unnest(%s::text[], %s::float8[], %s::float8[])"
        " AS given (kind, lat, lon)",
        *([point[2] for point in crowd], [point[0] for point in crowd], [point[1] for point in crowd]),
    )
    yield crowd
    location.sql("DELETE FROM location.points WHERE name = 'crowd'")


def counted(location: Running) -> list[tuple[Any, ...]]:
    return location.sql("SELECT level, x, y, kind, count FROM location.cells WHERE count <> 0 ORDER BY 1, 2, 3, 4")


def recounted(location: Running) -> list[tuple[Any, ...]]:
    return location.sql(
        "SELECT level, tile_x >> (24 - level), tile_y >> (24 - level), kind, count(*)"
        " FROM location.points, generate_series(4, 16, 2) AS level GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    )


@pytest.mark.parametrize("zoom", range(0, 23))
def test_clusters_count_every_point_of_the_country_once(location: Running, crowd: list[Any], zoom: int) -> None:
    shown = location.call.points_in(**KOREA, zoom=zoom)

    assert shown["points"] == []
    assert sum(cluster["count"] for cluster in shown["clusters"]) == len(crowd) + 30
    assert all(sum(cluster["kinds"].values()) == cluster["count"] for cluster in shown["clusters"])
    assert len(shown["clusters"]) <= (CELLS_ACROSS + 1) ** 2


@pytest.mark.parametrize("zoom", [10, 13, 14, 15, 18])
@pytest.mark.parametrize("side", [0.2, 0.05, 0.01])
def test_clusters_of_a_part_count_at_least_what_lies_in_it(
    location: Running, crowd: list[Any], zoom: int, side: float
) -> None:
    shown = location.call.points_in(34.1, 127.1, 34.1 + side / 2, 127.1 + side / 2, zoom)

    inside = [point for point in crowd if 34.1 <= point[0] <= 34.1 + side / 2 and 127.1 <= point[1] <= 127.1 + side / 2]
    assert len(shown["points"]) + sum(cluster["count"] for cluster in shown["clusters"]) >= len(inside)
    assert len(shown["clusters"]) <= (CELLS_ACROSS + 1) ** 2


def test_nearer_maps_tell_more_clusters_apart(location: Running, crowd: list[Any]) -> None:
    numbers = [len(location.call.points_in(**TOWN, zoom=zoom)["clusters"]) for zoom in (6, 9, 11, 12)]

    assert numbers == sorted(set(numbers))


def test_a_cluster_lies_where_its_points_are_on_average(location: Running, place: Any) -> None:
    for lat, lon in ((33.2001, 131.5001), (33.2003, 131.5003)):
        place("둘", lat=lat, lon=lon, kind="lamp_box")

    [cluster] = location.call.points_in(33.1, 131.4, 33.3, 131.6, 8)["clusters"]

    assert cluster == {"lat": 33.2002, "lon": 131.5002, "count": 2, "kinds": {"lamp_box": 2}}


def test_near_by_the_points_themselves_are_shown(location: Running, crowd: list[Any]) -> None:
    shown = location.call.points_in(34.1, 127.1, 34.12, 127.12, 16)

    inside = [point for point in crowd if 34.1 <= point[0] <= 34.12 and 127.1 <= point[1] <= 127.12]
    assert shown["clusters"] == []
    assert sorted((point["lat"], point["lon"], point["kind"]) for point in shown["points"]) == sorted(inside)
    assert {"point_id", "name", "open_now"} <= set(shown["points"][0])


def test_more_points_than_a_map_can_show_become_clusters(location: Running, crowd: list[Any]) -> None:
    shown = location.call.points_in(34.05, 127.05, 34.13, 127.13, 20)

    assert shown["points"] == []
    assert shown["clusters"]


def test_kinds_choose_what_is_shown(location: Running, crowd: list[Any]) -> None:
    lamps = sum(point[2] == "lamp_box" for point in crowd)

    far = location.call.points_in(**TOWN, zoom=9, kinds=["lamp_box"])
    near = location.call.points_in(34.1, 127.1, 34.12, 127.12, 16, ["lamp_box"])

    assert sum(cluster["count"] for cluster in far["clusters"]) == lamps
    assert {point["kind"] for point in near["points"]} == {"lamp_box"}


def test_the_counted_cells_follow_every_change(location: Running, crowd: list[Any], place: Any) -> None:
    assert counted(location) == recounted(location)
    moved, kept = place("옮길 곳", lat=35.5), place("남을 곳", lat=35.5)
    location.sql("UPDATE location.points SET lat = 36.5, kind = 'lamp_box' WHERE id = %s", moved)
    location.sql("UPDATE location.points SET name = '이름만' WHERE id = %s", kept)
    assert counted(location) == recounted(location)
    location.sql("DELETE FROM location.points WHERE id = %s", moved)
    assert counted(location) == recounted(location)


def test_the_ends_of_the_world_are_in_some_cell(location: Running, place: Any) -> None:
    for lat, lon in ((90, 180), (-90, -180), (90, -180), (-90, 180)):
        place("끝", lat=lat, lon=lon)

    shown = location.call.points_in(-90.0, -180.0, 90.0, 180.0, 3)

    assert sum(cluster["count"] for cluster in shown["clusters"]) >= 34


@given(st.floats(0, 1), st.integers(0, 22))
def test_a_box_is_never_cut_into_more_cells_than_a_map_can_show(side: float, zoom: int) -> None:
    level = grid_level(side, zoom)

    assert 0 <= level <= min(24, zoom + 2)
    assert side * 2**level <= CELLS_ACROSS


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        *[(side, bad) for side in KOREA for bad in (float("nan"), float("inf"), 1e308, "34", None, True)],
        *[("zoom", bad) for bad in (-1, 23, 7.5, "7", None, 10**30)],
        *[("kinds", bad) for bad in ([], "lamp_box", ["bin"])],
        ("south", 39.1),
        ("west", 132.1),
    ],
)
def test_a_box_out_of_bounds_is_refused_by_its_name(location: Running, field: str, bad: object) -> None:
    problem = location.refuses(location.call.points_in, **{**KOREA, "zoom": 7, field: bad})

    assert problem.status == 422
    assert problem.errors[0]["field"].split(".")[0] == field
