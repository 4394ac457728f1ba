"""What Prometheus hears of scans: each end, answer and word once, however often an event comes, in words of ours."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.recycle.knowledge import MAJORS
from services.waste import metrics, overdue
from services.waste.tables import Scan
from tests.services.running import Running, eventually
from tests.services.waste.conftest import Scans
from tests.stack import ROOT

CODE = re.compile(r'(?:Invalid|TooLarge|Unprocessable|UnsupportedMedia|_refused)\(\s*"(\w+)"')


def grown(name: str, **labels: str) -> Callable[[], float]:
    """By how much it has grown since."""

    def value() -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = value()
    return lambda: value() - before


def series() -> set[tuple[Any, ...]]:
    """What there is of scans."""
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    ours = [
        sample
        for sample in samples
        if sample.name.startswith("eco2_scan") and sample.name.endswith(("_total", "_count"))
    ]
    return {(sample.name, *sorted(sample.labels.items())) for sample in ours}


def tell_completed(scans: Scans, scan_id: str, result: Any) -> None:
    scans.tell("ai", "scan.classify.completed", {"task_id": f"{scan_id}.classify", "result": result})
    eventually(lambda: scans.state(scan_id) == "completed")


# Ends


def test_a_completion_that_is_told_three_times_counts_once(scans: Scans, heard: Callable[[str, str], Any]) -> None:
    scan_id = scans.stored()
    completed, timed = (
        grown("eco2_scans_total", state="completed", reason=""),
        grown("eco2_scan_seconds_count", state="completed"),
    )
    classified = grown("eco2_scans_classified_total", major="recyclable", provider="openai")
    confidence = grown("eco2_scan_confidence_sum", provider="openai")
    result = {"item_id": "pizza_box", "major": "recyclable", "confidence": 0.75, "provider": "openai"}

    for told in range(1, 4):
        tell_completed(scans, scan_id, result)
        eventually(lambda times=told: len(heard("scan_completed", scan_id)) == times)

    assert (completed(), timed(), classified(), confidence()) == (1, 1, 1, 0.75)


def test_a_failure_that_is_told_twice_counts_once_with_its_reason(scans: Scans) -> None:
    scan_id, last = scans.stored(), scans.stored()
    failed, timed = (
        grown("eco2_scans_total", state="failed", reason="recognition_failed"),
        grown("eco2_scan_seconds_count", state="failed"),
    )

    for told in (scan_id, scan_id, last):
        scans.tell("ai", "scan.classify.failed", {"task_id": f"{told}.classify", "error": "broken"})

    eventually(lambda: (scans.state(scan_id), scans.state(last)) == ("failed", "failed"))
    eventually(lambda: failed() == 2)
    assert timed() == 2


def test_a_refused_upload_counts_with_the_code_of_the_refusal(scans: Scans) -> None:
    scan_id = scans.open()
    refused = grown("eco2_scans_total", state="failed", reason="image_damaged")

    scans.tell_refused(scan_id, "image_damaged", "The image is damaged.")

    eventually(lambda: refused() == 1)


def test_a_scan_takes_from_its_opening_to_its_end(scans: Scans) -> None:
    scan_id = scans.stored()
    scans.opened_ago(scan_id, 40)
    taken = grown("eco2_scan_seconds_sum", state="completed")

    scans.tell_completed(scan_id, None)

    eventually(lambda: scans.state(scan_id) == "completed")
    eventually(lambda: 40 <= taken() < 60)


def test_one_that_is_too_late_counts_as_failed_and_its_late_answer_as_completed(scans: Scans) -> None:
    scan_id = scans.stored()
    scans.opened_ago(scan_id, 3000)
    late, completed = (
        grown("eco2_scans_total", state="failed", reason="deadline_exceeded"),
        grown("eco2_scans_total", state="completed", reason=""),
    )
    for _ in range(2):
        with Scan._meta.database.connection_context():
            overdue.fail(2000)
    assert scans.state(scan_id) == "failed"
    assert late() == 1

    scans.tell_completed(scan_id, "pizza_box")

    eventually(lambda: scans.state(scan_id) == "completed")
    eventually(lambda: completed() == 1)
    assert late() == 1


# Words of people


def test_a_word_counts_when_it_is_new_or_another_than_before(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed()
    right, wrong = (
        grown("eco2_scan_feedback_total", verdict="right"),
        grown("eco2_scan_feedback_total", verdict="wrong"),
    )

    for verdict in ("right", "right", "wrong", "wrong", "right"):
        waste.call.feedback(scan_id, scans.owner, verdict)
    waste.refuses(waste.call.feedback, scan_id, scans.owner, "strange")

    assert (right(), wrong()) == (2, 1)


def test_ten_at_once_who_say_the_same_count_once(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed()
    right = grown("eco2_scan_feedback_total", verdict="right")

    waste.at_once(10, "feedback", scan_id, scans.owner, "right")

    assert right() == 1


# Strange input


@pytest.mark.parametrize(
    "result",
    [
        {"major": "strange", "provider": "strange", "confidence": 7},
        {"major": ["recyclable"], "provider": {"openai": 1}, "confidence": "0.5"},
        {"major": "pizza_box", "provider": "Openai", "confidence": -1, "item_id": "pizza_box"},
        {},
    ],
)
def test_a_strange_answer_is_of_an_unknown_class_and_adds_no_series(scans: Scans, result: dict[str, Any]) -> None:
    known = {
        ("eco2_scans_total", ("reason", ""), ("state", "completed")),
        ("eco2_scan_seconds_count", ("state", "completed")),
        ("eco2_scans_classified_total", ("major", "unknown"), ("provider", "unknown")),
    }
    before, scan_id = series(), scans.stored()
    unknown = grown("eco2_scans_classified_total", major="unknown", provider="unknown")

    tell_completed(scans, scan_id, result)

    eventually(lambda: unknown() == 1)
    assert series() - before <= known


def test_a_strange_reason_is_another_reason(scans: Scans) -> None:
    first, second = scans.open(), scans.open()
    other, before = grown("eco2_scans_total", state="failed", reason="other"), series()

    scans.tell_refused(first, "strange_code_of_somebody", "?")
    scans.tell_refused(second, "x" * 500, "?")

    eventually(lambda: other() == 2)
    new = series() - before
    assert new <= {
        ("eco2_scans_total", ("reason", "other"), ("state", "failed")),
        ("eco2_scan_seconds_count", ("state", "failed")),
    }


def test_the_classes_are_those_of_the_knowledge_base() -> None:
    assert set(MAJORS) == metrics.MAJORS


def test_every_code_that_an_import_can_be_refused_with_is_a_reason() -> None:
    sources = [ROOT / "services" / "kernel" / "photos.py", ROOT / "workers" / "storage" / "importing.py"]
    codes = {code for source in sources for code in CODE.findall(source.read_text(encoding="utf-8"))}

    assert "image_damaged" in codes
    assert codes <= metrics.REASONS
