"""A user's own scans: page by page, filtered, and seen by nobody else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from peewee import fn
from uuid6 import uuid7

from services.kernel.errors import Unprocessable
from services.waste.tables import Scan
from tests.services.running import Running
from tests.services.waste.conftest import Scans


def pages(waste: Running, owner: str, limit: int) -> list[list[str]]:
    found, cursor = [], None
    while True:
        page = waste.call.scans_of(owner, limit, cursor)
        found.append([scan["scan_id"] for scan in page["scans"]])
        cursor = page["next"]
        if cursor is None:
            return found


def test_a_user_without_scans_has_an_empty_history(waste: Running) -> None:
    assert waste.call.scans_of(str(uuid7())) == {"scans": [], "next": None}


def test_a_completed_scan_is_shown_with_its_answer_and_picture(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed(image_key="images/ab/cd.jpg")

    [shown] = waste.call.scans_of(scans.owner)["scans"]

    assert datetime.fromisoformat(shown.pop("created_at")).tzinfo is not None
    assert shown.pop("image_url") == f"{str(waste.config.cdn_url).rstrip('/')}/images/ab/cd.jpg"
    assert shown == {
        "scan_id": scan_id,
        "status": "completed",
        "item_id": "pizza_box",
        "name": "피자 상자",
        "major": "recyclable",
        "kind": "paper",
        "confidence": 0.9,
    }


def test_a_scan_that_is_worked_on_is_shown_without_an_answer(waste: Running, scans: Scans) -> None:
    scans.open()

    [shown] = waste.call.scans_of(scans.owner)["scans"]

    assert (shown["status"], shown["item_id"], shown["image_url"]) == ("processing", None, None)


def test_an_answer_that_does_not_know_is_shown(waste: Running, scans: Scans) -> None:
    scans.completed(item_id=None)

    [shown] = waste.call.scans_of(scans.owner)["scans"]

    assert (shown["status"], shown["name"], shown["confidence"]) == ("completed", None, 0.2)


def test_others_scans_and_those_of_nobody_are_not_shown(waste: Running, scans: Scans) -> None:
    scans.open(owner=None)
    scans.open(owner=str(uuid7()))

    assert waste.call.scans_of(scans.owner)["scans"] == []


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 100])
def test_the_pages_together_are_all_scans_the_latest_first(waste: Running, scans: Scans, limit: int) -> None:
    opened = [scans.open() for _ in range(7)]
    for scan_id in opened[2:5]:  # three at the same moment
        waste.sql(
            "UPDATE waste.scans SET created_at = (SELECT created_at FROM waste.scans WHERE id = %s) WHERE id = %s",
            opened[3],
            scan_id,
        )

    found = pages(waste, scans.owner, limit)

    assert [scan_id for page in found for scan_id in page] == opened[::-1]
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert found[-1]


def test_a_new_scan_and_a_deleted_one_do_not_shift_the_next_page(waste: Running, scans: Scans) -> None:
    opened = [scans.open() for _ in range(4)]
    first = waste.call.scans_of(scans.owner, 2)
    scans.open()
    waste.call.delete_scan(opened[2], scans.owner)  # the very scan that the cursor names

    second = waste.call.scans_of(scans.owner, 2, first["next"])

    assert [scan["scan_id"] for scan in second["scans"]] == [opened[1], opened[0]]


def test_the_history_is_filtered_by_class_and_item(waste: Running, scans: Scans) -> None:
    box, bag, unknown = scans.completed("pizza_box"), scans.completed("snack_bag"), scans.completed(None)
    waste.sql('UPDATE waste.scans SET result = result || \'{"major": "general"}\' WHERE id = %s', bag)

    def ids(**filters: Any) -> list[str]:
        return [scan["scan_id"] for scan in waste.call.scans_of(scans.owner, **filters)["scans"]]

    assert ids() == [unknown, bag, box]
    assert ids(major="general") == [bag]
    assert ids(major="recyclable") == [box]
    assert ids(item_id="snack_bag") == [bag]
    assert ids(item_id="snack_bag", major="recyclable") == []
    assert ids(item_id="' OR true --") == []


def test_a_filtered_history_has_pages_too(waste: Running, scans: Scans) -> None:
    boxes = [scans.completed("pizza_box"), scans.completed("snack_bag"), scans.completed("pizza_box")]

    first = waste.call.scans_of(scans.owner, 1, None, None, "pizza_box")
    second = waste.call.scans_of(scans.owner, 1, first["next"], None, "pizza_box")

    assert [page["scans"][0]["scan_id"] for page in (first, second)] == [boxes[2], boxes[0]]
    assert second["next"] is None


BROKEN = ["", "x", "A" * 40, "A" * 39, "A" * 41, "A" * 100_000, "=" * 40, "가" * 40, "A" * 39 + "\n", "\x00" * 40]


@pytest.mark.parametrize("cursor", BROKEN)
def test_a_cursor_that_is_none_is_refused(waste: Running, cursor: str) -> None:
    problem = waste.refuses(waste.call.scans_of, str(uuid7()), 20, cursor)

    assert isinstance(problem, Unprocessable)
    assert (problem.code, problem.errors[0]["field"]) == ("cursor_invalid", "cursor")


def test_anothers_cursor_is_refused(waste: Running, scans: Scans) -> None:
    scans.open(), scans.open()
    borrowed = waste.call.scans_of(scans.owner, 1)["next"]

    assert waste.refuses(waste.call.scans_of, str(uuid7()), 1, borrowed).code == "cursor_invalid"


@pytest.mark.parametrize("limit", [0, -1, 101, "20", 1.5, None, True])
def test_a_limit_out_of_bounds_is_refused(waste: Running, limit: object) -> None:
    assert waste.refuses(waste.call.scans_of, str(uuid7()), limit).errors[0]["field"] == "limit"


@pytest.mark.parametrize("bad", ["", "x" * 101, "a\x00b", 7, ["pizza_box"]])
def test_a_bad_filter_is_refused(waste: Running, bad: object) -> None:
    assert waste.refuses(waste.call.scans_of, str(uuid7()), 20, None, bad).errors[0]["field"] == "major"
    assert waste.refuses(waste.call.scans_of, str(uuid7()), 20, None, None, bad).errors[0]["field"] == "item_id"


def test_the_history_is_read_from_an_index(waste: Running, scans: Scans) -> None:
    waste.sql(
        "INSERT INTO waste.scans (id, owner, scope, request_sha256, language, state, stage, percent, image_bytes,"
        " image_width, image_height, error_code, finished_at, created_at) SELECT gen_random_uuid(), gen_random_uuid(),"
        " 'plan', repeat('0', 64), 'ko', 'failed', 'failed', 0, 1, 1, 1, 'plan', now(), now() - n * interval '1 s'"
        " FROM generate_series(1, 20000) AS n"
    )
    waste.sql("ANALYZE waste.scans")
    last = datetime.now(UTC) - timedelta(hours=1)
    with Scan._meta.database.connection_context():
        statement, values = (
            Scan.select()
            .where(Scan.owner == scans.owner, fn.ROW(Scan.created_at, Scan.id) < fn.ROW(last, scans.owner))
            .order_by(Scan.created_at.desc(), Scan.id.desc())
            .limit(21)
            .sql()
        )

    plan = str(waste.sql(f"EXPLAIN {statement}", *[str(value) for value in values]))

    waste.sql("DELETE FROM waste.scans WHERE scope = 'plan'")
    assert "scans_history" in plan
    assert "Sort" not in plan
