"""The leaderboard shows those who want to be seen, and of nobody more than nickname and points."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from uuid6 import uuid7

from services.kernel.errors import Unprocessable
from services.userinfo import activities, erasure, weeks
from tests.services.running import Running
from tests.services.userinfo.conftest import deleted, finished

User = Callable[..., str]


@pytest.fixture
def user(userinfo: Running, register: Callable[..., str], database: Any) -> Iterator[User]:
    """A user with scans, this week unless said, who is seen or not: ``user("하늘", 3)``. Gone after the test."""
    made: list[str] = []

    def user(name: str, scans: int = 0, *, seen: bool = True, days_ago: int = 0) -> str:
        user_id = register(name)
        made.append(user_id)
        if seen:
            userinfo.call.update_settings(user_id, {"on_leaderboard": True})
        moment = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat()
        for _ in range(scans):
            activities.record(finished(user_id, completed_at=moment))
        return user_id

    yield user
    for user_id in made:
        erasure.erase({"user_id": user_id}, lambda _: None)


def ranks(told: dict[str, Any]) -> list[tuple[int, str, int]]:
    return [(entry["rank"], entry["nickname"], entry["points"]) for entry in told["entries"]]


def test_most_points_stand_first_and_equal_points_are_an_equal_rank(userinfo: Running, user: User) -> None:
    for name, scans in (("하나", 2), ("둘", 3), ("셋", 2), ("넷", 1), ("영", 0)):
        user(name, scans)

    told = userinfo.call.leaderboard()

    assert ranks(told) == [(1, "둘", 30), (2, "하나", 20), (2, "셋", 20), (4, "넷", 10)]
    assert (told["period"], told["week"], told["me"]) == ("week", weeks.name(weeks.today()), None)


def test_the_order_of_equals_is_the_same_whoever_earned_last(userinfo: Running, user: User) -> None:
    names = [f"이름{number}" for number in range(5)]
    users = [user(name) for name in names]
    for user_id in reversed(users):
        activities.record(finished(user_id))

    for _ in range(3):
        assert [entry["nickname"] for entry in userinfo.call.leaderboard()["entries"]] == names


def test_nothing_of_a_user_who_is_not_seen_appears(userinfo: Running, user: User) -> None:
    hidden, shown = user("숨은이름", 9, seen=False), user("보이는이름", 1)

    for viewer in (None, shown, str(uuid7())):
        for period in ("week", "all"):
            told = userinfo.call.leaderboard(viewer, period)
            assert "숨은이름" not in json.dumps(told, ensure_ascii=False)
            assert hidden not in json.dumps(told)
            assert ranks(told) == [(1, "보이는이름", 10)]
    assert userinfo.call.leaderboard(shown)["me"] == {"rank": 1, "points": 10, "shown": True}


def test_who_hides_again_is_gone_at_once_from_every_week(userinfo: Running, user: User) -> None:
    fickle = user("변덕", 2)
    activities.record(finished(fickle, completed_at=(datetime.now(UTC) - timedelta(days=30)).isoformat()))

    userinfo.call.update_settings(fickle, {"on_leaderboard": False})

    assert userinfo.call.leaderboard()["entries"] == userinfo.call.leaderboard(period="all")["entries"] == []
    assert userinfo.sql("SELECT 1 FROM userinfo.scores WHERE user_id = %s AND shown", fickle) == []
    userinfo.call.update_settings(fickle, {"on_leaderboard": True})
    assert ranks(userinfo.call.leaderboard(period="all")) == [(1, "변덕", 30)]


def test_points_that_come_while_hidden_stay_hidden(userinfo: Running, user: User) -> None:
    hidden = user("숨은이름", 1)
    userinfo.call.update_settings(hidden, {"on_leaderboard": False})

    activities.record(finished(hidden))
    activities.record(finished(hidden, completed_at=(datetime.now(UTC) - timedelta(days=30)).isoformat()))

    assert userinfo.call.leaderboard(period="all")["entries"] == []


def test_ones_own_rank_is_told_always(userinfo: Running, user: User) -> None:
    first, hidden, idle = user("첫째", 3), user("숨은이름", 2, seen=False), user("빈손")
    user("둘째", 1)

    def me(viewer: str) -> dict[str, Any]:
        own: dict[str, Any] = userinfo.call.leaderboard(viewer, limit=1)["me"]
        return own

    assert me(first) == {"rank": 1, "points": 30, "shown": True}
    assert me(hidden) == {"rank": 2, "points": 20, "shown": False}
    assert me(idle) == {"rank": 3, "points": 0, "shown": True}
    assert me(str(uuid7())) == {"rank": 3, "points": 0, "shown": False}


def test_ones_own_entry_is_marked(userinfo: Running, user: User) -> None:
    user("하늘", 2)
    mine = user("하늘", 1)

    assert [entry["me"] for entry in userinfo.call.leaderboard(mine)["entries"]] == [False, True]
    assert [entry["me"] for entry in userinfo.call.leaderboard(mine.upper())["entries"]] == [False, True]


def test_last_week_counts_for_all_time_only(userinfo: Running, user: User) -> None:
    user("지난주", 3, days_ago=8)
    user("이번주", 1)

    assert ranks(userinfo.call.leaderboard()) == [(1, "이번주", 10)]
    told = userinfo.call.leaderboard(period="all")
    assert ranks(told) == [(1, "지난주", 30), (2, "이번주", 10)]
    assert told["week"] is None


def test_points_of_a_deleted_scan_are_no_longer_counted(userinfo: Running, user: User) -> None:
    honest, sly = user("정직", 1), user("얌체")
    for _ in range(4):
        scan = finished(sly)
        activities.record(scan)
        activities.forget(deleted(scan))

    assert ranks(userinfo.call.leaderboard(honest)) == [(1, "정직", 10)]


def test_a_page_is_as_long_as_asked(userinfo: Running, user: User) -> None:
    for number in range(4):
        user(f"이름{number}", 1)

    assert len(userinfo.call.leaderboard(limit=3)["entries"]) == 3


def test_an_entry_has_no_more_than_it_says(userinfo: Running, user: User) -> None:
    user("하늘", 1)

    assert [set(entry) for entry in userinfo.call.leaderboard()["entries"]] == [{"rank", "nickname", "points", "me"}]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        *[({"limit": bad}, "limit") for bad in (0, 101, "20", None, True)],
        *[({"period": bad}, "period") for bad in ("month", "", None, 1)],
    ],
)
def test_arguments_out_of_bounds_are_refused(userinfo: Running, arguments: dict[str, Any], field: str) -> None:
    problem = userinfo.refuses(userinfo.call.leaderboard, **arguments)

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == field


def test_the_database_keeps_no_score_below_nothing_and_no_week_that_is_none(userinfo: Running) -> None:
    insert = "INSERT INTO userinfo.scores (user_id, week, points, shown) VALUES (%s, %s, %s, true)"

    with pytest.raises(psycopg2.errors.CheckViolation):
        userinfo.sql(insert, str(uuid7()), "2026-11-23", -10)
    with pytest.raises(psycopg2.errors.CheckViolation):
        userinfo.sql(insert, str(uuid7()), "2026-11-24", 10)
