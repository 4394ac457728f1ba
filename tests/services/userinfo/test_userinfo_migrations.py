"""The migrations keep what users have: their scans become a ledger, and bring the characters that they would have."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from services.kernel import migrations
from services.userinfo.characters import FIRST, OF_KIND
from tests.services.kernel.databases import database, run, steps

ANN, BEN = "01920000-0000-7000-8000-00000000000a", "01920000-0000-7000-8000-00000000000b"


@pytest.fixture
def before(stack: Any) -> Iterator[str]:
    """A database as the first migration left it, with two users' rows."""
    with database(stack) as url:
        list(migrations.up(url))
        for _ in range(steps("userinfo") - 1):
            list(migrations.down(url, "userinfo"))
        for user_id, region in ((ANN, "서울 어딘가"), (BEN, "busan")):
            run(
                url,
                "INSERT INTO userinfo.profiles (user_id, nickname, region, created_at, updated_at)"
                " VALUES (%s, '하늘', %s, '2026-01-01', '2026-01-01')",
                *(user_id, region),
            )
        for kind, points, day in (("metal", 10, 5), ("metal", 10, 3), ("paper", 0, 4), (None, 0, 6)):
            run(
                url,
                "INSERT INTO userinfo.activities (scan_id, user_id, item_id, major, kind, insufficiencies, points,"
                " completed_at, recorded_at) VALUES (%s, %s, 'thing', 'recyclable', %s, '[]', %s, %s, now())",
                *(str(uuid4()), ANN, kind, points, f"2026-01-0{day}T12:00:00Z"),
            )
        yield url


def test_what_there_was_is_there_afterwards(before: str) -> None:
    list(migrations.up(before))

    assert run(before, "SELECT nickname, region FROM userinfo.profiles ORDER BY user_id") == [
        ("하늘", None),
        ("하늘", "busan"),
    ]
    assert run(before, "SELECT amount, reason FROM userinfo.points") == [(10, "scan_completed")] * 2
    assert run(before, "SELECT week::text, points, shown FROM userinfo.scores ORDER BY week") == [
        ("0001-01-01", 20, False),
        ("2025-12-29", 10, False),
        ("2026-01-05", 10, False),
    ]
    assert run(
        before, "SELECT user_id::text, character, awarded_at::date::text FROM userinfo.characters ORDER BY 1, 2"
    ) == [(ANN, "canny", "2026-01-03"), (ANN, "eco", "2026-01-01"), (BEN, "eco", "2026-01-01")]


def test_taken_back_it_is_as_it_was_but_for_regions_that_were_no_ids(before: str) -> None:
    activities = run(before, "SELECT * FROM userinfo.activities ORDER BY scan_id")
    list(migrations.up(before))

    for _ in range(steps("userinfo") - 1):
        list(migrations.down(before, "userinfo"))

    assert run(before, "SELECT * FROM userinfo.activities ORDER BY scan_id") == activities
    assert run(before, "SELECT region FROM userinfo.profiles ORDER BY user_id") == [("",), ("busan",)]


def test_each_kinds_character_is_the_one_of_the_roster(before: str) -> None:
    run(before, "DELETE FROM userinfo.activities")
    for kind in OF_KIND:
        run(
            before,
            "INSERT INTO userinfo.activities (scan_id, user_id, item_id, major, kind, insufficiencies, points,"
            " completed_at, recorded_at) VALUES (%s, %s, 'thing', 'recyclable', %s, '[]', 10, now(), now())",
            *(str(uuid4()), BEN, kind),
        )

    list(migrations.up(before))

    mine = run(before, "SELECT character FROM userinfo.characters WHERE user_id = %s", BEN)
    assert {code for (code,) in mine} == {FIRST, *(one.code for one in OF_KIND.values())}
