"""Every answer of the location service is exactly what the gateway declares."""

from collections.abc import Callable

import pytest

from services.gateway.api import location as api
from tests.services.contract import answer_of, fits
from tests.services.running import Running

SEOUL = (37.4, 126.7, 37.7, 127.2)


@pytest.mark.parametrize("open_now", [False, True])
def test_nearest(location: Running, open_now: bool) -> None:
    fits(api.PointsNear, answer_of(location, "nearest", 37.5665, 126.978, 50_000, None, 100, open_now))


@pytest.mark.parametrize("zoom", [6, 12, 22])
def test_points_in(location: Running, zoom: int) -> None:
    fits(api.PointsOnMap, answer_of(location, "points_in", *SEOUL, zoom))
    fits(api.PointsOnMap, answer_of(location, "points_in", 37.55, 126.9, 37.56, 126.91, zoom))


def test_search_and_suggestions(location: Running) -> None:
    fits(api.Points, answer_of(location, "search", "예시"))
    fits(api.Points, answer_of(location, "search", "없는 곳"))
    fits(api.Suggestions, answer_of(location, "suggest", "예"))


def test_point(location: Running, place: Callable[..., str]) -> None:
    fits(api.Point, answer_of(location, "point", place("망원 주민센터")))


def test_kinds(location: Running) -> None:
    fits(api.Kinds, answer_of(location, "kinds"))
