"""When a user is gone, nothing of theirs stays or comes back, and nothing of others is touched."""

from collections.abc import Callable
from typing import Any

import pytest
from uuid6 import uuid7

from services.kernel.cache import client
from services.waste import deletion
from services.waste.tables import Scan
from tests.services.running import Running, eventually
from tests.services.waste.conftest import Scans
from tests.services.waste.test_uploads import opened, photo, state

Heard = Callable[[str, str], list[dict[str, Any]]]
Dropped = Callable[[str], bool]


def gone(scans: Scans, user_id: str | None = None) -> None:
    scans.tell("auth", "user_deleted", {"user_id": user_id or scans.owner})


def left(waste: Running, user_id: str) -> int:
    (count,) = waste.sql(
        "SELECT (SELECT count(*) FROM waste.scans WHERE owner = %(u)s OR scope = %(u)s::text)"
        " + (SELECT count(*) FROM waste.feedback WHERE viewer = %(u)s)"
        " + (SELECT count(*) FROM waste.uploads WHERE owner = %(u)s OR scope = %(u)s::text)".replace("%(u)s", "%s"),
        *[user_id] * 5,
    )[0]
    return int(count)


def test_all_that_is_the_users_goes(waste: Running, scans: Scans, heard: Heard, dropped: Dropped) -> None:
    key = f"scans/{uuid7()}.jpg"
    done, waiting, anothers = scans.completed(image_key=key), scans.open(), scans.completed(owner=None)
    waste.call.feedback(anothers, scans.owner, "right")
    upload = opened(waste, scans.owner, photo())

    gone(scans)

    eventually(lambda: left(waste, scans.owner) == 0)
    assert eventually(lambda: heard("scan_deleted", done)) == [
        {"scan_id": done, "owner": scans.owner, "image_key": key}
    ]
    assert eventually(lambda: heard("scan_deleted", waiting))[0]["image_key"] is None
    assert eventually(lambda: dropped(key))
    assert eventually(lambda: dropped(upload["image_key"]))
    assert state(waste, upload["upload_id"]) == "expired"
    assert scans.state(anothers) == "completed"
    assert not client(waste.config).exists(f"scan:{done}:progress")


def test_others_keep_what_is_theirs(waste: Running, scans: Scans) -> None:
    other = Scans(waste, scans.tell)
    mine, theirs = scans.completed(), other.completed()
    waste.call.feedback(theirs, other.owner, "right")

    gone(scans)

    eventually(lambda: scans.state(mine) is None)
    assert waste.call.scan(theirs, other.owner)["status"] == "completed"
    assert left(waste, other.owner) == 2  # the scan and the feedback


def test_a_user_who_is_deleted_twice_is_gone_once(waste: Running, scans: Scans, heard: Heard) -> None:
    scan_id = scans.open()

    gone(scans)
    gone(scans)

    eventually(lambda: heard("scan_deleted", scan_id))
    marker = Scans(waste, scans.tell)
    seen = marker.open()
    gone(marker)
    eventually(lambda: heard("scan_deleted", seen))
    assert len(heard("scan_deleted", scan_id)) == 1


def test_more_scans_than_fit_into_one_batch_all_go(
    waste: Running, scans: Scans, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "AT_ONCE", 3)
    opened_ids = [scans.open() for _ in range(10)]

    gone(scans)

    eventually(lambda: all(heard("scan_deleted", scan_id) for scan_id in opened_ids))
    assert left(waste, scans.owner) == 0


def test_late_events_bring_nothing_back(waste: Running, scans: Scans, heard: Heard, dropped: Dropped) -> None:
    queued, stored = scans.open(), scans.stored()
    gone(scans)
    eventually(lambda: left(waste, scans.owner) == 0)

    scans.tell_imported(queued, late := f"scans/{uuid7()}.jpg")
    scans.tell_completed(stored, "pizza_box")

    assert eventually(lambda: dropped(late))
    other = scans.completed(owner=None)
    eventually(lambda: heard("scan_completed", other))
    assert heard("scan_completed", stored) == []
    assert left(waste, scans.owner) == 0


def test_a_scan_that_was_under_way_when_its_user_went_is_erased_later(
    waste: Running, scans: Scans, heard: Heard
) -> None:
    gone(scans)
    eventually(lambda: waste.sql("SELECT 1 FROM waste.erasures WHERE user_id = %s", scans.owner))
    late = scans.open()
    told: list[dict[str, Any]] = []

    with Scan._meta.database.connection_context():
        deletion.erase_again(deletion.Told(told.append, lambda _: None, lambda _: None))

    assert scans.state(late) is None
    assert late in [event["scan_id"] for event in told]


def test_who_was_gone_a_day_ago_is_forgotten(waste: Running, scans: Scans) -> None:
    waste.sql("INSERT INTO waste.erasures VALUES (%s, now() - interval '25 hours')", scans.owner)

    with Scan._meta.database.connection_context():
        deletion.erase_again(deletion.Told(lambda _: None, lambda _: None, lambda _: None))

    assert waste.sql("SELECT 1 FROM waste.erasures WHERE user_id = %s", scans.owner) == []


def test_an_erasure_that_cannot_be_told_is_tried_again(waste: Running, scans: Scans) -> None:
    scan_id = scans.open()

    def fail(_: object) -> None:
        raise ConnectionError("the broker is away")

    with Scan._meta.database.connection_context(), pytest.raises(ConnectionError):
        deletion.erase(scans.owner, deletion.Told(fail, fail, fail))
    assert scans.state(scan_id) == "queued"

    with Scan._meta.database.connection_context():
        assert deletion.erase(scans.owner, deletion.Told(lambda _: None, lambda _: None, lambda _: None)) == 1
