"""Activities: each scan counts once, whoever tells of it how often and at what time."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import eventlet
import psycopg2
import pytest
from uuid6 import uuid7

from services.kernel.errors import NotFound, Unprocessable
from services.userinfo import activities
from services.userinfo.tables import Activity
from tests.services.running import Running, eventually
from tests.services.userinfo.conftest import Tell, finished


def test_a_finished_scan_is_recorded_with_its_points(userinfo: Running, tell: Tell, user_id: str) -> None:
    scan = finished(user_id)

    tell("waste", "scan_completed", scan)

    eventually(lambda: userinfo.call.points(user_id)["scans"])
    assert userinfo.call.points(user_id) == {"total": 10, "scans": 1}
    [activity] = userinfo.call.history(user_id)["activities"]
    assert (activity["scan_id"], activity["points"], activity["item_id"]) == (scan["scan_id"], 10, "clear_pet_bottle")


def test_an_event_heard_ten_times_at_once_counts_once(userinfo: Running, user_id: str) -> None:
    scan = finished(user_id)

    def hear(_: int) -> bool:
        with Activity._meta.database.connection_context():
            return activities.record(scan)

    recorded = list(eventlet.GreenPool(8).imap(hear, range(10)))

    assert recorded.count(True) == 1
    assert userinfo.call.points(user_id) == {"total": 10, "scans": 1}


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({}, 10),
        ({"kind": None}, 0),
        ({"item_id": None}, 0),
        ({"major": "general", "kind": None}, 0),
        ({"major": "general"}, 0),
        ({"major": None, "kind": None, "item_id": None, "confidence": None}, 0),
        ({"insufficiencies": ["dirty"]}, 0),
        ({"insufficiencies": ["labelled", "dirty"]}, 0),
    ],
)
def test_only_a_clean_recyclable_earns_points(
    userinfo: Running, user_id: str, fields: dict[str, Any], points: int, database: Any
) -> None:
    activities.record(finished(user_id, **fields))

    assert userinfo.call.points(user_id) == {"total": points, "scans": 1}


def test_the_database_refuses_points_that_were_not_earned(userinfo: Running, user_id: str, database: Any) -> None:
    activities.record(finished(user_id, insufficiencies=["dirty"]))

    with pytest.raises(psycopg2.errors.CheckViolation):
        userinfo.sql("UPDATE userinfo.activities SET points = 10 WHERE user_id = %s", user_id)


def test_a_scan_of_nobody_is_not_recorded(userinfo: Running, database: Any) -> None:
    scan = finished(None)

    assert activities.record(scan) is False
    assert not userinfo.sql("SELECT 1 FROM userinfo.activities WHERE scan_id = %s", scan["scan_id"])


def test_a_scan_may_be_heard_of_before_its_user(userinfo: Running, database: Any) -> None:
    stranger = str(uuid7())

    activities.record(finished(stranger))

    assert userinfo.call.points(stranger) == {"total": 10, "scans": 1}


@pytest.mark.parametrize(
    "fields",
    [
        *[{"scan_id": bad} for bad in ("", "1", None)],
        *[{"owner": bad} for bad in ("", "somebody", 7)],
        *[{"confidence": bad} for bad in (1.1, -0.1, float("nan"), "high")],
        *[{"completed_at": bad} for bad in ("", "yesterday", None, "2026-01-01T00:00:00")],
        *[{"insufficiencies": bad} for bad in (None, "dirty", [{"situation": "dirty"}], ["x" * 101])],
        {"item_id": "x" * 101},
    ],
)
def test_an_event_that_cannot_be_right_is_not_recorded(
    userinfo: Running, user_id: str, fields: dict[str, Any], database: Any
) -> None:
    with pytest.raises((Unprocessable, NotFound)):
        activities.record({**finished(user_id), **fields})

    assert userinfo.call.points(user_id) == {"total": 0, "scans": 0}


def test_history_shows_the_latest_first_and_page_by_page(userinfo: Running, user_id: str, database: Any) -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(minutes=minutes) for minutes in (3, 1, 2, 1, 5)]
    for time in times:
        activities.record(finished(user_id, completed_at=time.isoformat()))

    pages, before = [], None
    while True:
        page = userinfo.call.history(user_id, 2, before)
        pages.append([activity["completed_at"] for activity in page["activities"]])
        before = page["next"]
        if before is None:
            break

    assert [len(page) for page in pages] == [2, 2, 1]
    assert list(chain(*pages)) == sorted((time.isoformat() for time in times), reverse=True)


def test_a_user_without_scans_has_an_empty_history(userinfo: Running, user_id: str) -> None:
    assert userinfo.call.history(user_id) == {"activities": [], "next": None}
    assert userinfo.call.points(user_id) == {"total": 0, "scans": 0}


def test_anothers_scan_is_no_place_in_my_history(userinfo: Running, user_id: str, database: Any) -> None:
    scan = finished(str(uuid7()))
    activities.record(scan)

    problem = userinfo.refuses(userinfo.call.history, user_id, 10, scan["scan_id"])

    assert isinstance(problem, NotFound)
    assert problem.code == "activity_not_found"


@pytest.mark.parametrize("limit", [0, -1, 101, "20", 1.5, None, True])
def test_a_limit_out_of_bounds_is_refused(userinfo: Running, user_id: str, limit: object) -> None:
    assert userinfo.refuses(userinfo.call.history, user_id, limit).errors[0]["field"] == "limit"


def test_history_is_read_from_an_index(userinfo: Running, user_id: str) -> None:
    userinfo.sql(
        "INSERT INTO userinfo.activities (scan_id, user_id, insufficiencies, points, completed_at, recorded_at)"
        " SELECT gen_random_uuid(), gen_random_uuid(), '[]', 0, now() - n * interval '1 s', now()"
        " FROM generate_series(1, 20000) AS n"
    )
    userinfo.sql("ANALYZE userinfo.activities")
    with Activity._meta.database.connection_context():
        statement, values = (
            Activity.select()
            .where(Activity.user_id == user_id)
            .order_by(Activity.completed_at.desc(), Activity.scan_id.desc())
            .limit(21)
            .sql()
        )

    plan = str(userinfo.sql(f"EXPLAIN {statement}", *values))

    userinfo.sql("DELETE FROM userinfo.activities WHERE item_id IS NULL AND points = 0 AND major IS NULL")
    assert "activities_history" in plan
    assert "Sort" not in plan
