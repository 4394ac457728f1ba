"""Collection points: near is near everywhere on the globe, and a sample says that it is one."""

from collections.abc import Iterator
from math import asin, cos, radians, sin, sqrt
from typing import Any

import psycopg2
import pytest
from uuid6 import uuid7

from services.kernel.errors import NotFound, Unprocessable
from tests.services.running import Running

CITY_HALL = (37.5663, 126.9779)


def haversine_m(here: tuple[float, float], there: tuple[float, float]) -> float:
    (a, b), (c, d) = ((radians(lat), radians(lon)) for lat, lon in (here, there))
    half = sin((c - a) / 2) ** 2 + cos(a) * cos(c) * sin((d - b) / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(half))


@pytest.fixture
def put(location: Running) -> Iterator[Any]:
    """Puts a point somewhere for the time of a test: ``put(lat, lon)``."""
    made: list[str] = []

    def put(lat: float, lon: float) -> str:
        point_id = str(uuid7())
        location.sql(
            "INSERT INTO location.points (id, kind, name, address, lat, lon)"
            " VALUES (%s, 'battery_box', 'x', 'x', %s, %s)",
            *(point_id, lat, lon),
        )
        made.append(point_id)
        return point_id

    yield put
    location.sql("DELETE FROM location.points WHERE id = ANY (%s::uuid[])", made)


def found(location: Running, *arguments: Any, **options: Any) -> list[str]:
    return [point["point_id"] for point in location.call.nearest(*arguments, **options)["points"]]


def test_the_nearest_points_come_first_with_their_distance(location: Running) -> None:
    points = location.call.nearest(*CITY_HALL, radius_m=3000)["points"]

    assert len(points) > 5
    distances = [point["distance_m"] for point in points]
    assert distances == sorted(distances)
    for point in points:
        assert point["distance_m"] == pytest.approx(haversine_m(CITY_HALL, (point["lat"], point["lon"])), abs=0.1)


def test_all_points_within_the_radius_are_found_and_no_other(location: Running) -> None:
    everywhere = location.call.nearest(*CITY_HALL, radius_m=50_000, limit=100)["points"]
    near = [point["point_id"] for point in everywhere if point["distance_m"] <= 5000]

    assert found(location, *CITY_HALL, radius_m=5000, limit=100) == near
    assert 0 < len(near) < len(everywhere)


def test_every_sample_says_that_it_is_none_of_the_real(location: Running) -> None:
    points = location.call.nearest(*CITY_HALL, radius_m=50_000, limit=100)["points"]

    assert len(points) == 30
    assert all(point["sample"] is True and point["name"].startswith("예시 ") for point in points)


def test_the_database_takes_no_sample_that_hides_it(location: Running) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation):
        location.sql("UPDATE location.points SET name = '진짜 수거함' WHERE sample")
    with pytest.raises(psycopg2.errors.CheckViolation):
        location.sql("UPDATE location.points SET sample = false WHERE sample")


def test_kinds_choose_among_the_points(location: Running) -> None:
    points = location.call.nearest(*CITY_HALL, radius_m=20_000, kinds=["lamp_box", "ewaste_box"])["points"]

    assert {point["kind"] for point in points} == {"lamp_box", "ewaste_box"}


def test_no_more_than_the_limit_come(location: Running) -> None:
    everything = found(location, *CITY_HALL, radius_m=50_000, limit=100)

    assert found(location, *CITY_HALL, radius_m=50_000, limit=3) == everything[:3]


def test_far_from_everything_the_answer_is_empty(location: Running) -> None:
    assert location.call.nearest(0, 0) == {"points": []}


@pytest.mark.parametrize(
    ("here", "there"),
    [((0.0, 179.9999), (0.0, -179.9999)), ((89.999, 0.0), (89.999, 180.0)), ((-90.0, 0.0), (-89.9999, 77.0))],
)
def test_neither_the_date_line_nor_a_pole_is_an_edge(location: Running, put: Any, here: Any, there: Any) -> None:
    point_id = put(*there)

    [point] = location.call.nearest(*here, radius_m=1000)["points"]

    assert point["point_id"] == point_id
    assert point["distance_m"] == pytest.approx(haversine_m(here, there), abs=0.1)


def test_the_radius_is_a_circle_and_no_box(location: Running, put: Any) -> None:
    lat, lon = -30.0, -60.0
    inside = put(lat + 700 / 111_195, lon)
    put(lat + 900 / 111_195, lon + 900 / 111_195 / cos(radians(lat)))

    assert found(location, lat, lon, radius_m=1000) == [inside]


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        *[("lat", bad) for bad in (90.1, -91, float("nan"), float("inf"), "37.5", None, True, [37])],
        *[("lon", bad) for bad in (180.1, -181, float("nan"), "127", None)],
        *[("radius_m", bad) for bad in (99, 50_001, 0, -1, float("nan"), "1000", None)],
        *[("kinds", bad) for bad in ([], "battery_box", {}, ["battery_box"] * 7)],
        *[("limit", bad) for bad in (0, 101, 1.5, "20", None, 10**30)],
        *[("open_now", bad) for bad in (1, "true", None)],
    ],
)
def test_an_argument_out_of_bounds_is_refused_by_its_name(location: Running, field: str, bad: object) -> None:
    good = {"lat": CITY_HALL[0], "lon": CITY_HALL[1]}

    problem = location.refuses(location.call.nearest, **{**good, field: bad})

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == field


@pytest.mark.parametrize("bad", ["bin", "", "battery_box'--", "\x00", None, 7])
def test_an_unknown_kind_is_refused(location: Running, bad: object) -> None:
    problem = location.refuses(location.call.nearest, *CITY_HALL, kinds=["battery_box", bad])

    assert problem.errors[0]["field"] == "kinds.1"


def test_a_point_is_found_by_its_id(location: Running) -> None:
    nearest = location.call.nearest(*CITY_HALL)["points"][0]

    point = location.call.point(nearest["point_id"])

    assert {**point, "distance_m": nearest["distance_m"]} == nearest


@pytest.mark.parametrize("nothing", [str(uuid7()), "", "1", None, "\x00"])
def test_an_unknown_point_is_not_found(location: Running, nothing: object) -> None:
    problem = location.refuses(location.call.point, nothing)

    assert isinstance(problem, NotFound)
    assert problem.code == "point_not_found"


def test_kinds_lists_exactly_what_points_may_be(location: Running) -> None:
    listed = {kind["id"] for kind in location.call.kinds()["kinds"]}

    assert listed == {point["kind"] for point in location.call.nearest(*CITY_HALL, 50_000, None, 100)["points"]}
    assert len(listed) == 6
