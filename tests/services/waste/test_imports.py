"""A scan that begins with an upload: each upload opens one, and its picture is made by the storage worker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from kombu.exceptions import OperationalError
from uuid6 import uuid7

from services.kernel.errors import Unprocessable
from services.kernel.objects import ObjectStore
from services.waste import opening
from services.waste.tables import Scan
from tests.services.running import Running, eventually
from tests.services.waste.conftest import Scans, Task
from tests.services.waste.test_uploads import aged, opened, photo, state

Tasks = Callable[[str], list[Task]]
UNKNOWN = {"image_bytes": None, "image_width": None, "image_height": None}
IMAGE = ("bytes", "width", "height", "key", "url")


@pytest.fixture
def completed(waste: Running, scans: Scans, store: ObjectStore) -> Callable[..., dict[str, Any]]:
    """A completed upload, of the user whose `scans` these are or of another."""

    def make(owner: str | None = "own") -> dict[str, Any]:
        who = scans.owner if owner == "own" else owner
        upload = opened(waste, who, body := photo())
        store.put(upload["image_key"], body, content_type="image/jpeg", cache_control="no-store")
        waste.call.upload_complete(upload["upload_id"], who)
        return upload

    return make


Completed = Callable[..., dict[str, Any]]


@contextmanager
def stolen_broker(waste: Running) -> Iterator[None]:
    """Meanwhile the service's tasks reach nobody."""

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("no connection to RabbitMQ")

    [queue] = [part for part in waste.container.dependencies if part.attr_name == "tasks"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(queue.publisher, "put", fail)
        yield


def refused(waste: Running, scans: Scans, **fields: Any) -> str:
    return waste.refuses(lambda: scans.open(**{**UNKNOWN, **fields})).code


def test_an_upload_opens_a_scan_and_its_import_is_queued(
    waste: Running, scans: Scans, completed: Completed, tasks: Tasks
) -> None:
    upload = completed()
    tasks("storage")

    scan_id = scans.open(**UNKNOWN, upload_key=upload["image_key"])

    [task] = eventually(lambda: tasks("storage"))
    assert (task.id, task.type) == (f"{scan_id}.import", "image.import")
    assert task.payload == {"key": upload["image_key"], "content_type": "image/jpeg"}
    assert state(waste, upload["upload_id"]) == "used"
    assert waste.call.scan(scan_id, scans.owner)["image"] == dict.fromkeys(IMAGE)


def test_the_gateway_need_not_queue_the_picture(waste: Running, scans: Scans, completed: Completed) -> None:
    request = {
        "owner": scans.owner,
        "scope": scans.owner,
        "request_sha256": "0" * 64,
        "language": "ko",
        "upload_key": completed()["image_key"],
    }

    assert waste.call.open_scan(request)["wants_image"] is False


def test_the_imported_picture_tells_its_size_and_is_looked_at(
    waste: Running, scans: Scans, completed: Completed, queued: Callable[[], list[str]]
) -> None:
    scan_id = scans.open(**UNKNOWN, upload_key=completed()["image_key"])
    queued()

    scans.tell_imported(scan_id, key := f"scans/{uuid7()}.jpg")
    scans.tell_imported(scan_id, key)

    eventually(lambda: scans.state(scan_id) == "stored")
    assert eventually(queued)[0] == f"{scan_id}.classify"
    image = waste.call.scan(scan_id, scans.owner)["image"]
    assert (image["bytes"], image["width"], image["height"], image["key"]) == (900, 90, 60, key)


def test_an_upload_that_is_no_photo_fails_its_scan_with_the_reason(
    waste: Running, scans: Scans, completed: Completed
) -> None:
    scan_id = scans.open(**UNKNOWN, upload_key=completed()["image_key"])

    scans.tell_refused(scan_id, "image_damaged", "The image is damaged.")

    eventually(lambda: scans.state(scan_id) == "failed")
    assert waste.call.scan(scan_id, scans.owner)["error"] == {
        "code": "image_damaged",
        "detail": "The image is damaged.",
    }


def test_a_refusal_that_comes_after_the_picture_changes_nothing(
    waste: Running, scans: Scans, completed: Completed
) -> None:
    scan_id = scans.open(**UNKNOWN, upload_key=completed()["image_key"])
    scans.tell_imported(scan_id, f"scans/{uuid7()}.jpg")
    eventually(lambda: scans.state(scan_id) == "stored")

    scans.tell_refused(scan_id, "upload_missing", "It is gone.")
    scans.tell_completed(scan_id, "pizza_box")

    eventually(lambda: scans.state(scan_id) == "completed")


def test_an_import_that_is_given_up_fails_its_scan(waste: Running, scans: Scans, completed: Completed) -> None:
    scan_id = scans.open(**UNKNOWN, upload_key=completed()["image_key"])

    scans.tell("storage", "image.import.failed", {"task_id": f"{scan_id}.import"})

    eventually(lambda: scans.state(scan_id) == "failed")
    assert waste.call.scan(scan_id, scans.owner)["error"]["code"] == "storage_failed"


def test_an_upload_opens_one_scan(waste: Running, scans: Scans, completed: Completed) -> None:
    upload = completed()
    scans.open(**UNKNOWN, upload_key=upload["image_key"])

    assert refused(waste, scans, upload_key=upload["image_key"]) == "upload_used"
    assert waste.sql("SELECT count(*) FROM waste.scans WHERE owner = %s", scans.owner) == [(1,)]


def test_callers_at_once_open_one_scan(waste: Running, scans: Scans, completed: Completed) -> None:
    request = {
        "owner": scans.owner,
        "scope": scans.owner,
        "request_sha256": "0" * 64,
        "language": "ko",
        "upload_key": completed()["image_key"],
    }

    outcomes = waste.at_once(5, "open_scan", request)

    assert sorted(getattr(outcome, "code", "opened") for outcome in outcomes) == ["opened"] + ["upload_used"] * 4


def test_the_same_key_with_the_same_upload_finds_the_same_scan(
    waste: Running, scans: Scans, completed: Completed, tasks: Tasks
) -> None:
    upload = completed()
    tasks("storage")
    first = scans.open(**UNKNOWN, upload_key=upload["image_key"], idempotency_key="k")

    assert scans.open(**UNKNOWN, upload_key=upload["image_key"], idempotency_key="k") == first
    assert [task.id for task in tasks("storage")] == [f"{first}.import"] * 2  # the same task: it is run once


def test_an_import_is_queued_when_its_scan_can_be_told_of_it(
    waste: Running, scans: Scans, completed: Completed
) -> None:
    """Else a quick worker's word would come before there is a scan to take it."""
    request = {
        "owner": scans.owner,
        "scope": scans.owner,
        "request_sha256": "0" * 64,
        "language": "ko",
        "upload_key": completed()["image_key"],
    }
    seen: list[str | None] = []

    with Scan._meta.database.connection_context():
        opening.open_scan(request, lambda scan_id, _: seen.append(scans.state(str(scan_id))))

    assert seen == ["queued"]


def test_while_the_broker_is_away_a_scan_waits_for_its_import(
    waste: Running, scans: Scans, completed: Completed, tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    upload_key = completed()["image_key"]
    tasks("storage")

    with stolen_broker(waste):
        scan_id = scans.open(**UNKNOWN, upload_key=upload_key)
    assert "imported later" in caplog.text
    assert tasks("storage") == []
    scans.opened_ago(scan_id, waste.config.scans.deadline_s / 2 + 1)

    assert eventually(lambda: f"{scan_id}.import" in [task.id for task in tasks("storage")], 20)


@pytest.mark.parametrize("other", [None, str(uuid7())])
def test_somebody_elses_upload_opens_nothing(
    waste: Running, scans: Scans, completed: Completed, other: str | None
) -> None:
    upload = completed(owner=other)

    assert refused(waste, scans, upload_key=upload["image_key"]) == "upload_not_found"
    assert state(waste, upload["upload_id"]) == "completed"


def test_an_upload_that_is_not_completed_opens_nothing(waste: Running, scans: Scans) -> None:
    upload = opened(waste, scans.owner, photo())

    assert refused(waste, scans, upload_key=upload["image_key"]) == "upload_unfinished"


def test_an_upload_whose_time_is_over_opens_nothing(waste: Running, scans: Scans, completed: Completed) -> None:
    upload = completed()
    aged(waste, upload["upload_id"], waste.config.uploads.keep_s + 1)

    assert refused(waste, scans, upload_key=upload["image_key"]) == "upload_expired"


@pytest.mark.parametrize("key", [f"scans/{uuid7()}", "uploads/../x", "uploads/", f"uploads/{uuid7()}\n", "", 7])
def test_what_is_no_key_of_an_upload_is_refused(waste: Running, scans: Scans, key: object) -> None:
    assert refused(waste, scans, upload_key=key) == "invalid_arguments"


@pytest.mark.parametrize(
    "fields", [{}, {**UNKNOWN, "image_bytes": 5}, {"upload_key": f"uploads/{uuid7()}"}, {"image_width": None}]
)
def test_a_photo_has_its_size_or_an_upload_and_never_both(waste: Running, scans: Scans, fields: dict[str, Any]) -> None:
    fields = fields or UNKNOWN
    with pytest.raises(Unprocessable):
        scans.open(**fields)


def test_an_import_that_is_late_is_queued_again(
    waste: Running, scans: Scans, completed: Completed, tasks: Tasks
) -> None:
    scan_id = scans.open(**UNKNOWN, upload_key=completed()["image_key"])
    tasks("storage")

    scans.opened_ago(scan_id, waste.config.scans.deadline_s / 2 + 1)

    [task] = eventually(lambda: [task for task in tasks("storage") if task.id == f"{scan_id}.import"], 20)
    assert task.type == "image.import"
    assert scans.state(scan_id) == "queued"


@pytest.mark.parametrize("change", ["image_width = 5", "state = 'stored', image_key = 'x'", "imported = false"])
def test_the_database_refuses_a_stored_picture_without_its_size(
    waste: Running, scans: Scans, completed: Completed, change: str
) -> None:
    scan_id = scans.open(**UNKNOWN, upload_key=completed()["image_key"])

    with pytest.raises(psycopg2.errors.CheckViolation):
        waste.sql(f"UPDATE waste.scans SET {change} WHERE id = %s", scan_id)  # noqa: S608
