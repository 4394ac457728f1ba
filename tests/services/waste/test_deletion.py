"""A scan is deleted by its owner alone, with all that hangs on it, and others are told."""

from collections.abc import Callable
from typing import Any

import pytest
from uuid6 import uuid7

from services.kernel.cache import client
from services.kernel.errors import NotFound
from services.waste import deletion
from services.waste.tables import Scan
from tests.services.running import Running, eventually
from tests.services.waste.conftest import Scans

Heard = Callable[[str, str], list[dict[str, Any]]]
Dropped = Callable[[str], bool]


def test_a_deleted_scan_is_gone(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed()

    assert waste.call.delete_scan(scan_id, scans.owner) is None

    assert scans.state(scan_id) is None
    assert waste.refuses(waste.call.scan, scan_id, scans.owner).code == "scan_not_found"
    assert waste.call.scans_of(scans.owner)["scans"] == []


def test_a_second_deletion_finds_nothing(waste: Running, scans: Scans) -> None:
    scan_id = scans.open()
    waste.call.delete_scan(scan_id.upper(), scans.owner)

    assert waste.refuses(waste.call.delete_scan, scan_id, scans.owner).code == "scan_not_found"


@pytest.mark.parametrize("viewer", [None, str(uuid7()), "somebody", ""])
def test_nobody_else_deletes_a_scan(waste: Running, scans: Scans, viewer: str | None) -> None:
    scan_id = scans.open()

    assert isinstance(waste.refuses(waste.call.delete_scan, scan_id, viewer), NotFound)
    assert scans.state(scan_id) == "queued"


@pytest.mark.parametrize("viewer", [None, str(uuid7())])
def test_nobody_deletes_a_scan_without_an_owner(waste: Running, scans: Scans, viewer: str | None) -> None:
    scan_id = scans.open(owner=None)

    assert waste.refuses(waste.call.delete_scan, scan_id, viewer).code == "scan_not_found"
    assert scans.state(scan_id) == "queued"


@pytest.mark.parametrize("scan_id", ["", "1", "../..", None, 7, str(uuid7())])
def test_a_scan_that_there_is_not_is_not_found(waste: Running, scan_id: object) -> None:
    assert waste.refuses(waste.call.delete_scan, scan_id, str(uuid7())).code == "scan_not_found"


def test_others_are_told_with_the_key_of_the_picture(waste: Running, scans: Scans, heard: Heard) -> None:
    scan_id = scans.stored(image_key=(key := f"images/{uuid7()}.jpg"))

    waste.call.delete_scan(scan_id, scans.owner)

    [told] = eventually(lambda: heard("scan_deleted", scan_id))
    assert told == {"scan_id": scan_id, "owner": scans.owner, "image_key": key}


def test_its_picture_is_deleted_too(waste: Running, scans: Scans, dropped: Dropped) -> None:
    scan_id = scans.stored(image_key=(key := f"scans/{uuid7()}.jpg"))

    waste.call.delete_scan(scan_id, scans.owner)

    assert eventually(lambda: dropped(key))


def test_a_picture_that_another_scan_shows_stays_until_that_goes_too(
    waste: Running, scans: Scans, dropped: Dropped
) -> None:
    key = f"scans/{uuid7()}.jpg"
    first, second = scans.stored(image_key=key), scans.stored(image_key=key)

    waste.call.delete_scan(first, scans.owner)
    assert not dropped(key)

    waste.call.delete_scan(second, scans.owner)
    assert eventually(lambda: dropped(key))


def test_a_deletion_that_cannot_be_told_does_not_happen(waste: Running, scans: Scans) -> None:
    scan_id = scans.open()

    def fail(_: object) -> None:
        raise ConnectionError("the broker is away")

    told = deletion.Told(deleted=fail, picture=lambda _: None, progress=lambda _: None)
    with Scan._meta.database.connection_context(), pytest.raises(ConnectionError):
        deletion.delete(scan_id, scans.owner, told)

    assert scans.state(scan_id) == "queued"


def test_a_picture_whose_deletion_cannot_be_queued_keeps_its_scan(waste: Running, scans: Scans) -> None:
    scan_id = scans.stored()

    def fail(_: object) -> None:
        raise ConnectionError("the broker is away")

    told = deletion.Told(deleted=lambda _: None, picture=fail, progress=lambda _: None)
    with Scan._meta.database.connection_context(), pytest.raises(ConnectionError):
        deletion.delete(scan_id, scans.owner, told)

    assert scans.state(scan_id) == "stored"


def test_its_progress_goes_too(waste: Running, scans: Scans) -> None:
    scan_id, cache = scans.open(), client(waste.config)
    eventually(lambda: cache.exists(f"scan:{scan_id}:progress"))

    waste.call.delete_scan(scan_id, scans.owner)

    assert not cache.exists(f"scan:{scan_id}:progress")


def test_a_picture_that_is_stored_after_the_deletion_is_deleted(
    waste: Running, scans: Scans, dropped: Dropped, heard: Heard
) -> None:
    scan_id = scans.open()
    waste.call.delete_scan(scan_id, scans.owner)

    scans.tell_stored(scan_id, key := f"scans/{uuid7()}.jpg")

    assert eventually(lambda: dropped(key))
    assert scans.state(scan_id) is None
    assert [told["image_key"] for told in heard("scan_deleted", scan_id)] == [None]


def test_a_picture_that_is_stored_after_its_scan_has_failed_is_deleted(
    waste: Running, scans: Scans, dropped: Dropped
) -> None:
    scan_id = scans.open()
    waste.sql(
        "UPDATE waste.scans SET state = 'failed', error_code = 'deadline_exceeded', finished_at = now() WHERE id = %s",
        scan_id,
    )

    scans.tell_stored(scan_id, key := f"scans/{uuid7()}.jpg")

    assert eventually(lambda: dropped(key))


def test_a_picture_that_is_told_twice_stays(waste: Running, scans: Scans, dropped: Dropped) -> None:
    scan_id = scans.completed(image_key=(key := f"scans/{uuid7()}.jpg"))

    scans.tell_stored(scan_id, key)
    scans.tell_stored(scan_id, other := f"scans/{uuid7()}.jpg")

    assert eventually(lambda: dropped(other))  # told after the first, and so handled by now or never
    assert not dropped(key)


def test_a_picture_of_a_user_is_none_of_a_scan(waste: Running, scans: Scans, dropped: Dropped) -> None:
    scan_id = scans.open()
    avatar, late = f"avatars/{uuid7()}.jpg", f"scans/{uuid7()}.jpg"

    scans.tell(
        "storage", "image.store.completed", {"task_id": f"{scan_id}.{uuid7()}.avatar", "result": {"key": avatar}}
    )
    scans.tell("storage", "image.store.failed", {"task_id": f"{scan_id}.{uuid7()}.avatar"})
    scans.tell_stored(str(uuid7()), late)

    assert eventually(lambda: dropped(late))
    assert not dropped(avatar)
    assert scans.state(scan_id) == "queued"


def test_progress_that_comes_after_the_deletion_is_not_kept(waste: Running, scans: Scans, heard: Heard) -> None:
    gone, other, cache = scans.stored(), scans.stored(), client(waste.config)
    waste.call.delete_scan(gone, scans.owner)

    scans.tell("ai", "scan.classify.progress", {"task_id": f"{gone}.classify", "stage": "vision"})
    scans.tell("ai", "scan.classify.failed", {"task_id": f"{gone}.classify"})
    scans.tell("ai", "scan.classify.progress", {"task_id": f"{other}.classify", "stage": "vision"})
    eventually(lambda: cache.xlen(f"scan:{other}:progress") == 3)

    assert not cache.exists(f"scan:{gone}:progress")


def test_an_answer_that_comes_after_the_deletion_is_let_go(waste: Running, scans: Scans, heard: Heard) -> None:
    gone, other = scans.stored(), scans.stored()
    waste.call.delete_scan(gone, scans.owner)

    scans.tell_completed(gone, "pizza_box")
    scans.tell_completed(other, "pizza_box")
    eventually(lambda: heard("scan_completed", other))

    dead = waste.sql("SELECT count(*) FROM waste.scans WHERE id = %s", gone)
    assert dead == [(0,)]
    assert heard("scan_completed", gone) == []


def test_a_key_opens_a_new_scan_after_the_deletion(waste: Running, scans: Scans) -> None:
    first = scans.open(idempotency_key="again")
    assert scans.open(idempotency_key="again") == first
    waste.call.delete_scan(first, scans.owner)

    assert scans.open(idempotency_key="again") != first
