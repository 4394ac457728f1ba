"""A late scan is queued again once; one that is too late fails with a reason."""

from collections.abc import Callable
from typing import Any

import eventlet
import pytest

from services.waste import overdue
from services.waste.tables import Scan
from tests.services.running import Running, eventually
from tests.services.waste.conftest import Scans

Queued = Callable[[], list[str]]
Heard = Callable[[str, str], list[dict[str, Any]]]

DEADLINE_S = 120
SHORT_S = 20
"""The deadline of the tests that look themselves: the running service does not find these scans late yet."""


@pytest.fixture(autouse=True)
def calm(waste: Running) -> None:
    """Nothing is late that other tests left."""
    waste.sql("UPDATE waste.scans SET requeued_at = now() WHERE requeued_at IS NULL")


def requeued(waste: Running, scan_id: str) -> Any:
    return waste.sql("SELECT requeued_at FROM waste.scans WHERE id = %s", scan_id)[0][0]


def requeue(queue: Callable[[Scan], None] = lambda _: None) -> list[str]:
    with Scan._meta.database.connection_context():
        return overdue.requeue(SHORT_S, queue)


def test_the_tests_know_the_deadline(waste: Running) -> None:
    assert waste.config.scans.deadline_s == DEADLINE_S


def test_the_service_queues_a_late_scan_again_with_the_same_task(waste: Running, scans: Scans, queued: Queued) -> None:
    scan_id = scans.stored()
    queued()

    scans.opened_ago(scan_id, DEADLINE_S / 2 + 1)

    eventually(lambda: requeued(waste, scan_id), 20)
    assert eventually(lambda: f"{scan_id}.classify" in queued())
    assert scans.state(scan_id) == "stored"


def test_the_service_fails_a_scan_that_is_too_late_with_the_reason(waste: Running, scans: Scans) -> None:
    scan_id = scans.open()

    scans.opened_ago(scan_id, DEADLINE_S + 1)

    eventually(lambda: scans.state(scan_id) == "failed", 20)
    error = waste.call.scan(scan_id, scans.owner)["error"]
    assert error["code"] == "deadline_exceeded"
    assert "120 seconds" in error["detail"]


def test_a_scan_is_queued_again_once(waste: Running, scans: Scans) -> None:
    scan_id = scans.stored()
    scans.opened_ago(scan_id, SHORT_S / 2 + 1)

    assert [requeue() for _ in range(3)] == [[scan_id], [], []]


def test_services_that_look_at_once_queue_it_once(waste: Running, scans: Scans) -> None:
    opened = [scans.stored() for _ in range(3)]
    for scan_id in opened:
        scans.opened_ago(scan_id, SHORT_S / 2 + 1)
    published: list[str] = []

    def publish(scan: Scan) -> None:
        eventlet.sleep(0.05)  # the others look meanwhile
        published.append(str(scan.id))

    list(eventlet.GreenPool().imap(lambda _: requeue(publish), range(6)))

    assert sorted(published) == sorted(opened)


@pytest.mark.parametrize("age_s", [0, SHORT_S / 2 - 5])
def test_a_scan_that_is_not_late_is_left_alone(waste: Running, scans: Scans, age_s: float) -> None:
    scan_id = scans.stored()
    scans.opened_ago(scan_id, age_s)

    assert scan_id not in requeue()
    assert requeued(waste, scan_id) is None


def test_a_scan_whose_picture_is_not_stored_cannot_be_queued_again(waste: Running, scans: Scans) -> None:
    scan_id = scans.open()
    scans.opened_ago(scan_id, SHORT_S / 2 + 1)

    assert scan_id not in requeue()
    assert requeued(waste, scan_id) is None


def test_a_finished_scan_is_not_queued_again(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed()
    scans.opened_ago(scan_id, SHORT_S)

    assert scan_id not in requeue()


def test_what_cannot_be_published_is_tried_again(waste: Running, scans: Scans) -> None:
    scan_id = scans.stored()
    scans.opened_ago(scan_id, SHORT_S / 2 + 1)
    tried: list[str] = []

    def fail(scan: Scan) -> None:
        tried.append(str(scan.id))
        raise ConnectionError("the broker is away")

    with pytest.raises(ConnectionError):
        requeue(fail)

    assert tried == [scan_id]
    assert requeue() == [scan_id]


def test_a_long_queue_is_not_doubled_in_one_stroke(
    waste: Running, scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = [scans.stored() for _ in range(4)]
    for youth_s, scan_id in enumerate(opened):
        scans.opened_ago(scan_id, SHORT_S - youth_s)
    monkeypatch.setattr(overdue, "AT_ONCE", 2)

    assert [sorted(requeue()) for _ in range(3)] == [sorted(opened[:2]), sorted(opened[2:]), []]


def test_a_late_answer_of_a_scan_that_was_queued_again_completes_it(waste: Running, scans: Scans, heard: Heard) -> None:
    scan_id = scans.stored()
    scans.opened_ago(scan_id, DEADLINE_S / 2 + 1)
    eventually(lambda: requeued(waste, scan_id), 20)

    scans.tell_completed(scan_id, "pizza_box")

    eventually(lambda: heard("scan_completed", scan_id))
    assert waste.call.scan(scan_id, scans.owner)["result"]["item_id"] == "pizza_box"
