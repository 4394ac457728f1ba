"""Every hot query uses the index made for it, over a hundred thousand users and whatever the search_path."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import execute_batch
from uuid6 import uuid7

from services.userinfo import leaderboard, weeks
from services.userinfo.statistics import COUNTS
from services.userinfo.tables import Activity, Collected, Points
from tests.services.running import Running

USERS = 100_000
BUSY = str(uuid7())


@pytest.fixture(scope="module")
def crowd(userinfo: Running) -> Iterator[None]:
    """A hundred thousand users, each with a score of this week and of all time; one has a thousand scans."""
    connection = psycopg2.connect(userinfo.database_url)
    this_week = weeks.monday(weeks.today())
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE crowd AS SELECT gen_random_uuid() AS user_id, n FROM generate_series(1, %s) AS n",
            (USERS,),
        )
        cursor.execute(
            "INSERT INTO userinfo.profiles (user_id, nickname, on_leaderboard, created_at, updated_at)"
            " SELECT user_id, '모임' || n, n % 3 = 0, now(), now() FROM crowd"
        )
        cursor.execute(
            "INSERT INTO userinfo.characters (user_id, character, awarded_at) SELECT user_id, 'eco', now() FROM crowd"
        )
        execute_batch(
            cursor,
            "INSERT INTO userinfo.scores (user_id, week, points, shown)"
            " SELECT user_id, %s, 10 * (n %% 1000), n %% 3 = 0 FROM crowd",
            [(this_week,), (weeks.ALL_TIME,)],
        )
        cursor.execute(
            "INSERT INTO userinfo.activities"
            " (scan_id, user_id, item_id, major, kind, insufficiencies, points, completed_at, recorded_at)"
            " SELECT gen_random_uuid(), CASE WHEN n <= 1000 THEN %s::uuid ELSE gen_random_uuid() END, 'steel_can',"
            " 'recyclable', 'metal', '[]', 10, now() - n * interval '1 minute', now()"
            " FROM generate_series(1, 20000) AS n",
            (BUSY,),
        )
        cursor.execute(
            "INSERT INTO userinfo.points (scan_id, reason, user_id, amount, earned_at)"
            " SELECT scan_id, 'scan_completed', user_id, 10, completed_at FROM userinfo.activities WHERE user_id = %s",
            (BUSY,),
        )
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    yield
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO userinfo.erased (user_sha256) VALUES (sha256(%s::bytea))", (BUSY,))
        cursor.execute("DELETE FROM userinfo.points WHERE user_id = %s", (BUSY,))
        cursor.execute(
            "DELETE FROM userinfo.characters WHERE user_id IN"
            " (SELECT user_id FROM userinfo.profiles WHERE nickname LIKE '모임%')"
        )
        cursor.execute("DELETE FROM userinfo.profiles WHERE nickname LIKE '모임%'")
        cursor.execute("DELETE FROM userinfo.scores WHERE user_id NOT IN (SELECT user_id FROM userinfo.points)")
        cursor.execute("DELETE FROM userinfo.activities WHERE points = 10 AND confidence IS NULL")
    connection.close()


def plan(userinfo: Running, statement: str, values: Any) -> str:
    connection = psycopg2.connect(userinfo.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET search_path TO pg_catalog")
            cursor.execute(f"EXPLAIN {statement}", values)
            return "\n".join(line for (line,) in cursor.fetchall())
    finally:
        connection.close()


@pytest.mark.parametrize("week", [weeks.ALL_TIME, weeks.monday(weeks.today())])
def test_the_first_are_read_in_the_order_of_the_index(userinfo: Running, crowd: None, week: Any) -> None:
    told = plan(userinfo, leaderboard.TOP, {"week": week, "limit": 20})

    assert "Index Only Scan using scores_board" in told or "Index Scan using scores_board" in told
    assert "profiles_pkey" in told
    assert "Seq Scan" not in told
    assert "Sort" not in told


@pytest.mark.parametrize("points", [0, 5000])
def test_a_rank_is_counted_in_the_index_alone(userinfo: Running, crowd: None, points: int) -> None:
    told = plan(userinfo, leaderboard.ABOVE, {"week": weeks.ALL_TIME, "points": points})

    assert "Index Only Scan using scores_board" in told


def test_the_leaderboard_of_a_hundred_thousand_is_right(userinfo: Running, crowd: None) -> None:
    told = userinfo.call.leaderboard(BUSY, "week", 100)

    assert len(told["entries"]) == 100
    assert {entry["points"] for entry in told["entries"]} <= {9990, 9980, 9970, 9960}
    assert told["entries"][0]["rank"] == 1
    [(above,)] = userinfo.sql(
        "SELECT count(*) FROM userinfo.scores WHERE week = %s AND shown AND points > %s",
        weeks.monday(weeks.today()),
        told["me"]["points"],
    )
    assert told["me"]["rank"] == above + 1


def test_statistics_read_the_users_own_part_of_the_index(userinfo: Running, crowd: None) -> None:
    period = {"since": weeks.begins(weeks.today()), "until": "2100-01-01"}

    told = plan(userinfo, COUNTS, {"user_id": BUSY, **period})

    assert "activities_history" in told
    assert "Seq Scan" not in told


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            lambda: (
                Points.select()
                .where(Points.user_id == BUSY)
                .order_by(Points.booked_at.desc(), Points.scan_id.desc(), Points.reason.desc())
                .limit(21)
            ),
            "points_of_user",
        ),
        (lambda: Collected.select().where(Collected.user_id == BUSY), "characters_pkey"),
        (lambda: Activity.select(Activity.kind).where(Activity.user_id == str(uuid7())), "activities_history"),
    ],
    ids=["ledger", "characters", "kinds"],
)
def test_a_users_own_rows_are_found_by_an_index(
    userinfo: Running, crowd: None, database: Any, query: Callable[[], Any], index: str
) -> None:
    statement, values = query().sql()

    told = plan(userinfo, statement, tuple(values))

    assert index in told
    assert "Seq Scan" not in told
    if index == "points_of_user":
        assert "Sort" not in told
