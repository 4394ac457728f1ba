"""A scan is deleted by its owner alone, with all that hangs on it, and others are told."""

from collections.abc import Callable
from typing import Any

import eventlet
import pytest
from uuid6 import uuid7

from services.kernel.cache import client
from services.kernel.errors import NotFound
from services.waste import history
from services.waste.tables import Scan
from tests.services.running import Running, eventually
from tests.services.waste.conftest import Scans

Heard = Callable[[str, str], list[dict[str, Any]]]


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
    assert told == {"scan_id": scan_id, "owner": scans.owner, "image_key": key, "image_shared": False}


def test_a_picture_that_another_scan_shows_is_told_as_shared(waste: Running, scans: Scans, heard: Heard) -> None:
    key = f"images/{uuid7()}.jpg"
    first, second = scans.stored(image_key=key), scans.stored(image_key=key, owner=None)

    waste.call.delete_scan(first, scans.owner)

    assert eventually(lambda: heard("scan_deleted", first))[0]["image_shared"] is True
    assert scans.state(second) == "stored"


def test_of_scans_of_one_picture_deleted_at_once_exactly_one_is_the_last(waste: Running, scans: Scans) -> None:
    key = f"images/{uuid7()}.jpg"
    opened = [scans.stored(image_key=key) for _ in range(5)]
    told: list[bool] = []

    def delete(scan_id: str) -> None:
        def tell(event: dict[str, Any]) -> None:
            eventlet.sleep(0.05)  # the others begin meanwhile
            told.append(event["image_shared"])

        with Scan._meta.database.connection_context():
            history.delete(scan_id, scans.owner, tell)

    list(eventlet.GreenPool().imap(delete, opened))

    assert sorted(told) == [False, True, True, True, True]


def test_a_deletion_that_cannot_be_told_does_not_happen(waste: Running, scans: Scans) -> None:
    scan_id = scans.open()

    def fail(_: object) -> None:
        raise ConnectionError("the broker is away")

    with Scan._meta.database.connection_context(), pytest.raises(ConnectionError):
        history.delete(scan_id, scans.owner, fail)

    assert scans.state(scan_id) == "queued"


def test_its_progress_goes_too(waste: Running, scans: Scans) -> None:
    scan_id, cache = scans.open(), client(waste.config)
    eventually(lambda: cache.exists(f"scan:{scan_id}:progress"))

    waste.call.delete_scan(scan_id, scans.owner)

    assert not cache.exists(f"scan:{scan_id}:progress")


def test_a_picture_that_is_stored_after_the_deletion_is_told_again(waste: Running, scans: Scans, heard: Heard) -> None:
    scan_id = scans.open()
    waste.call.delete_scan(scan_id, scans.owner)

    scans.tell_stored(scan_id, key := f"images/{uuid7()}.jpg")

    first, second = eventually(lambda: len(told := heard("scan_deleted", scan_id)) == 2 and told)
    assert (first["image_key"], first["image_shared"]) == (None, False)
    assert second == {"scan_id": scan_id, "owner": None, "image_key": key, "image_shared": False}


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
