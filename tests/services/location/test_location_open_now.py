"""Open now: by Korean time, Korean holidays, and only where the hours are known."""

from collections.abc import Callable
from typing import Any

import pytest

from services.location.hours import parse
from tests.services.running import Running

HERE = {"lat": 36.0, "lon": 128.5}


@pytest.fixture
def street(place: Callable[..., str]) -> dict[str, str]:
    return {
        "office": place("문 여는 관공서", hours="평일 09:00~18:00"),
        "always": place("문 여는 상자", hours="24시간"),
        "bar": place("문 여는 밤가게", hours="매일 22:00~02:00"),
        "unknown": place("문 여는 모름"),
    }


@pytest.mark.parametrize(
    ("at", "known_open"),
    [
        ("2026-11-24T10:00", {"office", "always"}),
        ("2026-11-24T01:00", {"always", "bar"}),
        ("2026-11-24T03:00", {"always"}),
        ("2026-11-28T10:00", {"always"}),
        ("2026-12-25T10:00", {"always"}),
        ("2026-12-25T23:00", {"always", "bar"}),
    ],
)
def test_only_points_that_are_open_come(
    location: Running, street: dict[str, str], clock: Any, at: str, known_open: set[str]
) -> None:
    clock(at)
    expected = {street[name] for name in known_open}

    near = location.call.nearest(**HERE, open_now=True)["points"]
    sought = location.call.search("문 여는", open_now=True)["points"]

    assert {point["point_id"] for point in near} == expected
    assert {point["point_id"] for point in sought} == expected


def test_each_point_says_whether_it_is_open(location: Running, street: dict[str, str], clock: Any) -> None:
    clock("2026-11-24T10:00")

    points = {point["point_id"]: point for point in location.call.nearest(**HERE)["points"]}

    assert {name: points[key]["open_now"] for name, key in street.items()} == {
        "office": True,
        "always": True,
        "bar": False,
        "unknown": None,
    }
    assert points[street["office"]]["opening_hours"] == "Mo-Fr 09:00-18:00; Sa-Su off; PH off"
    assert points[street["unknown"]]["opening_hours"] is None


def test_the_hours_of_every_sample_are_those_of_its_text(location: Running) -> None:
    points = location.call.nearest(37.5663, 126.9779, 50_000, None, 100)["points"]

    assert len(points) == 30
    assert {point["name"]: point["opening_hours"] for point in points} == {
        point["name"]: parse(point["hours"]).text() for point in points
    }
