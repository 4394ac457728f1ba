"""Points: a ledger whose sum is the total, whatever is deleted, heard twice or tried past the service."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import eventlet
import psycopg2
import pytest
from uuid6 import uuid7

from services.kernel.errors import NotFound
from services.userinfo import activities, points, weeks
from services.userinfo.tables import Points
from tests.services.running import Running, eventually
from tests.services.userinfo.conftest import WITHIN_S, Tell, deleted, finished


def ledger(userinfo: Running, user_id: str) -> list[tuple[str, int]]:
    rows = userinfo.sql("SELECT reason, amount FROM userinfo.points WHERE user_id = %s ORDER BY amount DESC", user_id)
    return [(reason, amount) for reason, amount in rows]


def test_a_deleted_scan_leaves_the_history_and_takes_its_points_along(
    userinfo: Running, user_id: str, tell: Tell
) -> None:
    scan = finished(user_id)
    tell("waste", "scan_completed", scan)
    eventually(lambda: userinfo.call.points(user_id)["scans"], WITHIN_S)

    tell("waste", "scan_deleted", deleted(scan))

    eventually(lambda: not userinfo.call.points(user_id)["scans"], WITHIN_S)
    assert userinfo.call.points(user_id) == {"total": 0, "scans": 0}
    assert userinfo.call.history(user_id)["activities"] == []
    assert ledger(userinfo, user_id) == [("scan_completed", 10), ("scan_deleted", -10)]


def test_scanning_deleting_and_scanning_again_earns_once(userinfo: Running, user_id: str, database: Any) -> None:
    for _ in range(5):
        scan = finished(user_id)
        activities.record(scan)
        activities.forget(deleted(scan))
    activities.record(finished(user_id))

    assert userinfo.call.points(user_id) == {"total": 10, "scans": 1}


def test_a_scan_that_is_heard_of_after_its_deletion_does_not_come_back(
    userinfo: Running, user_id: str, database: Any
) -> None:
    scan = finished(user_id)

    assert activities.forget(deleted(scan)) is False
    assert activities.record(scan) is False

    assert userinfo.call.history(user_id)["activities"] == []
    assert userinfo.call.points(user_id) == {"total": 0, "scans": 0}


@pytest.mark.parametrize("owner", [None, "the user"])
def test_a_deletion_that_is_heard_twice_counts_once(
    userinfo: Running, user_id: str, database: Any, owner: str | None
) -> None:
    scan, other = finished(user_id), finished(user_id)
    activities.record(scan)
    activities.record(other)
    event = deleted(scan, owner=user_id if owner else None, image_key="scans/ab/cd.jpg")

    assert [activities.forget(event) for _ in range(3)] == [True, False, False]

    assert userinfo.call.points(user_id) == {"total": 10, "scans": 1}


def test_a_deletion_takes_from_the_week_in_which_it_was_earned(userinfo: Running, user_id: str, database: Any) -> None:
    now = datetime.now(UTC)
    old = finished(user_id, completed_at=(now - timedelta(days=14)).isoformat())
    activities.record(old)
    activities.record(finished(user_id, completed_at=now.isoformat()))

    activities.forget(deleted(old))

    this_week = weeks.monday(weeks.today())
    assert points.of_week(user_id, this_week) == 10
    assert points.of_week(user_id, this_week - timedelta(days=14)) == 0
    assert points.of_week(user_id, weeks.ALL_TIME) == 10


def test_recording_and_deleting_at_once_leave_nothing(userinfo: Running, user_id: str) -> None:
    scans = [finished(user_id) for _ in range(6)]
    tasks = [(activities.record, scan) for scan in scans] + [(activities.forget, deleted(scan)) for scan in scans]

    def run(task: tuple[Any, Any]) -> None:
        with Points._meta.database.connection_context():
            task[0](task[1])

    list(eventlet.GreenPool(6).imap(run, tasks + tasks))

    assert userinfo.call.points(user_id) == {"total": 0, "scans": 0}
    assert sum(amount for _, amount in ledger(userinfo, user_id)) == 0


def test_the_entries_are_told_the_latest_first_and_page_by_page(userinfo: Running, user_id: str, database: Any) -> None:
    scans = [finished(user_id) for _ in range(4)]
    for scan in scans:
        activities.record(scan)
    activities.forget(deleted(scans[0]))

    told, before = [], None
    while True:
        page = userinfo.call.point_entries(user_id, 2, before)
        assert len(page["entries"]) <= 2
        told += [(entry["scan_id"], entry["points"]) for entry in page["entries"]]
        before = page["next"]
        if before is None:
            break

    expected = [(scan["scan_id"], 10) for scan in scans] + [(scans[0]["scan_id"], -10)]
    assert told == expected[::-1]


def test_anothers_entry_is_no_place_in_my_ledger(userinfo: Running, user_id: str, database: Any) -> None:
    scan = finished(str(uuid7()))
    activities.record(scan)

    for before in (f"{scan['scan_id']}.scan_completed", scan["scan_id"], "", "x.scan_completed", f"{uuid7()}.x"):
        problem = userinfo.refuses(userinfo.call.point_entries, user_id, 10, before)
        assert isinstance(problem, NotFound)
        assert problem.code == "entry_not_found"


@pytest.mark.parametrize("limit", [0, 101, "20", None, True])
def test_a_limit_of_entries_out_of_bounds_is_refused(userinfo: Running, user_id: str, limit: object) -> None:
    assert userinfo.refuses(userinfo.call.point_entries, user_id, limit).errors[0]["field"] == "limit"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE userinfo.points SET booked_at = now() WHERE user_id = %s",
        "UPDATE userinfo.points SET amount = 1000 WHERE user_id = %s",
        "DELETE FROM userinfo.points WHERE user_id = %s",
    ],
)
def test_the_database_keeps_the_ledger_as_it_is(userinfo: Running, user_id: str, database: Any, statement: str) -> None:
    activities.record(finished(user_id))

    with pytest.raises(psycopg2.errors.RestrictViolation):
        userinfo.sql(statement, user_id)

    assert ledger(userinfo, user_id) == [("scan_completed", 10)]


INSERT = "INSERT INTO userinfo.points (scan_id, reason, user_id, amount, earned_at) VALUES (%s, %s, %s, %s, now())"


@pytest.mark.parametrize(
    ("reason", "amount", "error"),
    [
        ("scan_completed", 1000, psycopg2.errors.CheckViolation),
        ("scan_completed", -10, psycopg2.errors.CheckViolation),
        ("gift", 10, psycopg2.errors.CheckViolation),
        ("scan_deleted", -10, psycopg2.errors.ForeignKeyViolation),  # nothing was earned
    ],
)
def test_the_database_refuses_an_entry_that_cannot_be(
    userinfo: Running, user_id: str, reason: str, amount: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        userinfo.sql(INSERT, str(uuid7()), reason, user_id, amount)


def test_the_database_refuses_to_take_back_what_another_has_earned(
    userinfo: Running, user_id: str, database: Any
) -> None:
    scan = finished(user_id)
    activities.record(scan)

    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        userinfo.sql(INSERT, scan["scan_id"], "scan_deleted", str(uuid7()), -10)


def test_a_week_begins_on_monday_in_seoul(userinfo: Running, user_id: str, database: Any) -> None:
    sunday = datetime(2026, 3, 1, 14, 59, 59, tzinfo=UTC)  # 23:59:59 in Seoul
    for moment in (sunday, sunday + timedelta(seconds=1)):
        activities.record(finished(user_id, completed_at=moment.isoformat()))

    assert points.of_week(user_id, date(2026, 2, 23)) == 10
    assert points.of_week(user_id, date(2026, 3, 2)) == 10
    assert points.of_week(user_id, weeks.ALL_TIME) == 20
