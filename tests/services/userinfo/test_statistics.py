"""Statistics: a user's scans by class, kind and week, counted by Seoul's calendar."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid6 import uuid7

from services.userinfo import activities, weeks
from tests.services.running import Running
from tests.services.userinfo.conftest import deleted, finished


def at(text: str) -> str:
    """A time in Seoul, as waste tells it."""
    return datetime.fromisoformat(text).replace(tzinfo=weeks.SEOUL).astimezone(UTC).isoformat()


@pytest.fixture
def winter(userinfo: Running, user_id: str, database: Any) -> str:
    """A user with six scans around the turn of a year; one of them deleted."""
    scans = [
        finished(user_id, completed_at=at("2025-12-28T23:59:59")),
        finished(user_id, completed_at=at("2025-12-29T00:00:00"), kind="metal", item_id="aluminium_can"),
        finished(user_id, completed_at=at("2026-01-01T12:00"), kind="metal", item_id="steel_can"),
        finished(user_id, completed_at=at("2026-01-04T23:59:59"), kind="metal", insufficiencies=["dirty"]),
        finished(user_id, completed_at=at("2026-01-05T09:00"), major="general", kind=None, item_id="toothbrush"),
        finished(user_id, completed_at=at("2026-01-05T09:01"), major=None, kind=None, item_id=None, confidence=None),
    ]
    for scan in scans:
        activities.record(scan)
    gone = finished(user_id, completed_at=at("2026-01-01T12:00"))
    activities.record(gone)
    activities.forget(deleted(gone))
    return user_id


def test_scans_are_counted_by_class_and_kind(userinfo: Running, winter: str) -> None:
    told = userinfo.call.statistics(winter, "2025-12-22", "2026-01-11")

    assert (told["scans"], told["clean"], told["points"]) == (6, 3, 30)
    assert told["by_major"] == [
        {"major": "recyclable", "scans": 4, "clean": 3},
        {"major": None, "scans": 1, "clean": 0},
        {"major": "general", "scans": 1, "clean": 0},
    ]
    assert told["by_kind"] == [
        {"kind": "metal", "scans": 3, "clean": 2},
        {"kind": "clear_pet", "scans": 1, "clean": 1},
    ]


def test_weeks_begin_on_monday_in_seoul_and_none_is_left_out(userinfo: Running, winter: str) -> None:
    told = userinfo.call.statistics(winter, "2025-12-22", "2026-01-18")["by_week"]

    assert [(week["week"], week["begins"], week["scans"], week["clean"], week["points"]) for week in told] == [
        ("2025-W52", "2025-12-22", 1, 1, 10),
        ("2026-W01", "2025-12-29", 3, 2, 20),
        ("2026-W02", "2026-01-05", 2, 0, 0),
        ("2026-W03", "2026-01-12", 0, 0, 0),
    ]


def test_both_ends_of_the_period_are_in_it(userinfo: Running, winter: str) -> None:
    assert userinfo.call.statistics(winter, "2025-12-28", "2025-12-28")["scans"] == 1
    assert userinfo.call.statistics(winter, "2025-12-29", "2026-01-04")["scans"] == 3
    assert userinfo.call.statistics(winter, "2026-01-02", "2026-01-03")["scans"] == 0


def test_only_clean_things_have_saved_something(userinfo: Running, winter: str) -> None:
    saved = userinfo.call.statistics(winter, "2025-12-29", "2026-01-11")["savings"]

    assert [(kind["kind"], kind["pieces"]) for kind in saved["by_kind"]] == [("metal", 2)]
    assert saved["co2_kg"] == pytest.approx((14 * 9.13 + 40 * 1.83) / 907.18474, abs=1e-4)
    assert saved["estimated"] is True


def test_without_a_period_it_is_the_last_twelve_weeks(userinfo: Running, user_id: str, database: Any) -> None:
    now = datetime.now(UTC)
    for days in (0, 83, 85):
        activities.record(finished(user_id, completed_at=(now - timedelta(days=days)).isoformat()))

    told = userinfo.call.statistics(user_id)

    assert told["scans"] == 2
    assert date.fromisoformat(told["until"]) - date.fromisoformat(told["since"]) == timedelta(days=83)


def test_anothers_scans_are_not_counted(userinfo: Running, winter: str) -> None:
    told = userinfo.call.statistics(str(uuid7()), "2025-12-22", "2026-01-11")

    assert (told["scans"], told["by_major"], told["by_kind"]) == (0, [], [])
    assert (told["savings"]["co2_kg"], told["savings"]["won"], told["savings"]["by_kind"]) == (0, 0, [])


@pytest.mark.parametrize(
    ("since", "until", "code"),
    [
        ("2026-01-02", "2026-01-01", "period_invalid"),
        ("2024-01-01", "2026-01-01", "period_invalid"),
        ("2026-02-29", None, "invalid_arguments"),
        ("1999-12-31", "2000-01-01", "invalid_arguments"),
        ("9999-12-31", "9999-12-31", "invalid_arguments"),
        ("today", None, "invalid_arguments"),
        ("2026-1-1", None, "invalid_arguments"),
        (20260101, None, "invalid_arguments"),
        (None, "", "invalid_arguments"),
    ],
)
def test_a_period_that_cannot_be_is_refused(
    userinfo: Running, user_id: str, since: object, until: object, code: str
) -> None:
    assert userinfo.refuses(userinfo.call.statistics, user_id, since, until).code == code


def test_a_leap_year_is_a_period_and_a_day_more_is_none(userinfo: Running, user_id: str) -> None:
    assert len(userinfo.call.statistics(user_id, "2024-01-01", "2024-12-31")["by_week"]) == 53
    assert userinfo.refuses(userinfo.call.statistics, user_id, "2024-01-01", "2025-01-01").code == "period_invalid"


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_a_weeks_name_and_monday_agree_with_the_calendar(day: date) -> None:
    monday = weeks.monday(day)

    assert monday <= day < monday + timedelta(days=7)
    assert datetime.strptime(weeks.name(day) + "-1", "%G-W%V-%u").date() == monday
    assert weeks.begins(day).astimezone(weeks.SEOUL).isoformat() == f"{day}T00:00:00+09:00"
