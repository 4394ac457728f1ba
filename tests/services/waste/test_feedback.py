"""Feedback: one a scan and viewer, on answers only, and never a correct item that there is not."""

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from uuid6 import uuid7

from services.kernel.errors import Conflict, NotFound, Unavailable, Unprocessable
from services.waste import feedback
from services.waste.tables import Scan
from tests.services.running import Running, eventually
from tests.services.waste.conftest import Scans

Heard = Callable[[str, str], list[dict[str, Any]]]


def rows(waste: Running, scan_id: str) -> list[tuple[Any, ...]]:
    return waste.sql("SELECT verdict, item_id, comment FROM waste.feedback WHERE scan_id = %s", scan_id)


def test_a_wrong_answer_is_corrected(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed("pizza_box")

    said = waste.call.feedback(scan_id, scans.owner, "wrong", "cardboard_box", "  택배 상자예요\n둘째 줄 ")

    assert rows(waste, scan_id) == [("wrong", "cardboard_box", "택배 상자예요\n둘째 줄")]
    assert set(said) == {"scan_id", "verdict", "item_id", "comment", "created_at", "updated_at"}
    assert (said["verdict"], said["item_id"]) == ("wrong", "cardboard_box")


def test_the_last_word_of_a_viewer_counts(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed()
    first = waste.call.feedback(scan_id, scans.owner, "wrong", "cardboard_box", "hm")

    second = waste.call.feedback(scan_id, scans.owner, "right")

    assert rows(waste, scan_id) == [("right", None, None)]
    assert second["created_at"] == first["created_at"]
    assert second["updated_at"] > first["updated_at"]


def test_ten_at_once_leave_one_row(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed()

    waste.at_once(10, "feedback", scan_id, scans.owner, "right")

    assert rows(waste, scan_id) == [("right", None, None)]


def test_others_hear_all_but_the_comment(waste: Running, scans: Scans, heard: Heard) -> None:
    scan_id = scans.completed("pizza_box")

    said = waste.call.feedback(scan_id, scans.owner, "wrong", "cardboard_box", "my name is ...")

    [told] = eventually(lambda: heard("scan_feedback", scan_id))
    assert told == {
        "scan_id": scan_id,
        "viewer": scans.owner,
        "verdict": "wrong",
        "item_id": "cardboard_box",
        "answered_item_id": "pizza_box",
        "updated_at": said["updated_at"],
    }


def test_a_scan_without_an_owner_takes_feedback_from_all(waste: Running, scans: Scans, heard: Heard) -> None:
    scan_id = scans.completed(owner=None)

    waste.call.feedback(scan_id, None, "right")
    waste.call.feedback(scan_id, None, "wrong")
    waste.call.feedback(scan_id, str(uuid7()), "right")

    assert sorted(verdict for verdict, *_ in rows(waste, scan_id)) == ["right", "wrong"]
    assert eventually(lambda: heard("scan_feedback", scan_id))[0]["viewer"] is None


@pytest.mark.parametrize("viewer", [None, str(uuid7())])
def test_who_may_not_see_a_scan_cannot_judge_it(waste: Running, scans: Scans, viewer: str | None) -> None:
    scan_id = scans.completed()

    assert isinstance(waste.refuses(waste.call.feedback, scan_id, viewer, "right"), NotFound)
    assert rows(waste, scan_id) == []


def test_a_scan_without_an_answer_cannot_be_judged(waste: Running, scans: Scans) -> None:
    for scan_id in (scans.open(), scans.stored()):
        problem = waste.refuses(waste.call.feedback, scan_id, scans.owner, "right")

        assert isinstance(problem, Conflict)
        assert problem.code == "scan_unfinished"


def test_a_failed_scan_cannot_be_judged(waste: Running, scans: Scans) -> None:
    scan_id = scans.stored()
    scans.tell("ai", "scan.classify.failed", {"task_id": f"{scan_id}.classify"})
    eventually(lambda: scans.state(scan_id) == "failed")

    assert waste.refuses(waste.call.feedback, scan_id, scans.owner, "wrong").code == "scan_unfinished"


@pytest.mark.parametrize("item_id", ["unicorn", "../../etc/passwd", "x" * 100])
def test_an_item_that_there_is_not_is_refused(waste: Running, scans: Scans, item_id: str) -> None:
    scan_id = scans.completed()

    problem = waste.refuses(waste.call.feedback, scan_id, scans.owner, "wrong", item_id)

    assert isinstance(problem, Unprocessable)
    assert (problem.code, problem.errors[0]["field"]) == ("unknown_item", "item_id")
    assert rows(waste, scan_id) == []


@pytest.mark.parametrize(("verdict", "item_id"), [("right", "cardboard_box"), ("wrong", "pizza_box")])
def test_feedback_that_contradicts_itself_is_refused(waste: Running, scans: Scans, verdict: str, item_id: str) -> None:
    scan_id = scans.completed("pizza_box")

    assert waste.refuses(waste.call.feedback, scan_id, scans.owner, verdict, item_id).code == "feedback_contradictory"


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        *[("verdict", (bad,)) for bad in ("", "maybe", "RIGHT", None, 1, ["right"])],
        *[("item_id", ("wrong", bad)) for bad in ("", "x" * 101, "a\x00", 7)],
        *[("comment", ("wrong", None, bad)) for bad in ("", "x" * 501, "\x00", 7, ["x"])],
    ],
)
def test_bad_feedback_is_refused(waste: Running, scans: Scans, field: str, arguments: tuple[Any, ...]) -> None:
    problem = waste.refuses(waste.call.feedback, str(uuid7()), scans.owner, *arguments)

    assert (problem.code, problem.errors[0]["field"]) == ("invalid_arguments", field)


def test_nothing_is_kept_while_the_items_cannot_be_looked_up(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed()

    def away(_: str) -> None:
        raise Unavailable("service_unavailable", "The recycle service is not running.")

    with Scan._meta.database.connection_context(), pytest.raises(Unavailable):
        feedback.give(scan_id, scans.owner, "wrong", "cardboard_box", None, away, lambda _: None)

    assert rows(waste, scan_id) == []


def test_feedback_goes_with_its_scan(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed()
    waste.call.feedback(scan_id, scans.owner, "right")

    waste.call.delete_scan(scan_id, scans.owner)

    assert rows(waste, scan_id) == []


def test_feedback_on_a_scan_that_is_deleted_meanwhile_finds_none(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed()

    def delete(_: str) -> None:
        waste.sql("DELETE FROM waste.scans WHERE id = %s", scan_id)

    with Scan._meta.database.connection_context(), pytest.raises(NotFound):
        feedback.give(scan_id, scans.owner, "wrong", "cardboard_box", None, delete, lambda _: None)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE waste.feedback SET verdict = 'right' WHERE scan_id = %s",
        "UPDATE waste.feedback SET verdict = 'maybe' WHERE scan_id = %s",
        "UPDATE waste.feedback SET item_id = 'No Such' WHERE scan_id = %s",
        "UPDATE waste.feedback SET comment = '' WHERE scan_id = %s",
        "UPDATE waste.feedback SET comment = repeat('x', 501) WHERE scan_id = %s",
    ],
)
def test_the_database_refuses_what_is_no_feedback(waste: Running, scans: Scans, change: str) -> None:
    scan_id = scans.completed()
    waste.call.feedback(scan_id, scans.owner, "wrong", "cardboard_box")

    with pytest.raises(psycopg2.errors.CheckViolation):
        waste.sql(change, scan_id)
