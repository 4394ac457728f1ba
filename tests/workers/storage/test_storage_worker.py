"""The storage worker keeps pictures, makes pictures of uploads, and deletes what is ours alone."""

import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import eventlet
import httpx
import pytest
from eventlet.event import Event
from PIL import Image

from services.kernel.config import config
from services.kernel.darkroom import Darkroom
from services.kernel.errors import Unavailable
from services.kernel.objects import ObjectMissing
from tests.stack import TestStack
from tests.workers.storage.conftest import Storage
from wal import WALManager
from wal.amqp import RunningTask
from wal.records import Work
from workers.objects import ObjectStore
from workers.storage.importing import order_of, store_upload
from workers.storage.service import StorageWorker

NewId = Callable[[str], str]


def photo(size: tuple[int, int] = (200, 100), form: str = "JPEG", **options: Any) -> bytes:
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0], size[1] // 2))
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def uploaded(store: ObjectStore, body: bytes, content_type: str = "image/jpeg") -> dict[str, str]:
    """An order to import an upload that is in the store."""
    key = f"uploads/{uuid.uuid4()}"
    store.put(key, body, content_type=content_type, cache_control="no-store")
    return {"key": key, "content_type": content_type}


def gone(store: ObjectStore, key: str) -> bool:
    try:
        store.get(key)
    except ObjectMissing:
        return True
    return False


def test_a_picture_is_stored_for_the_cdn(
    parts: TestStack, storage: Storage, store: ObjectStore, task_id: NewId
) -> None:
    kept = storage.done("image.store", body := photo(), task_id("store"))

    assert kept == {"key": kept["key"], "bytes": len(body), "content_type": "image/jpeg"}
    served = httpx.get(f"{str(parts.config.cdn_url).rstrip('/')}/{kept['key']}")
    assert served.content == body
    assert served.headers["content-type"] == "image/jpeg"
    assert served.headers["cache-control"] == "public, max-age=604800, immutable"


def test_equal_photos_of_two_scans_are_two_objects(storage: Storage, store: ObjectStore, task_id: NewId) -> None:
    first, second = (storage.done("image.store", photo(), task_id("store"))["key"] for _ in range(2))

    storage.done("image.delete", {"key": first}, f"{first}.delete")

    assert gone(store, first)
    assert store.get(second) == photo()


def test_a_users_picture_is_stored_apart(storage: Storage) -> None:
    kept = storage.done("image.store", photo(), f"{uuid.uuid4()}.{uuid.uuid4()}.avatar")

    assert kept["key"].startswith("avatars/")


def test_another_type_is_refused(storage: Storage, task_id: NewId) -> None:
    storage.put("image.store", b"<b>", name := task_id("store"), content_type="text/html")

    event, data = storage.outcome(name)
    assert (event, data["error_class"]) == ("image.store.failed", "PermanentError")


def test_an_upload_becomes_a_picture_as_any_other(storage: Storage, store: ObjectStore, task_id: NewId) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010F] = "Secret Camera"
    order = uploaded(store, photo((3000, 1500), exif=exif))

    kept = storage.done("image.import", order, task_id("import"))

    picture = store.get(kept["key"])
    shown = Image.open(io.BytesIO(picture))
    assert kept == {
        "key": kept["key"],
        "bytes": len(picture),
        "width": 1024,
        "height": 2048,
        "content_type": "image/jpeg",
    }
    assert kept["key"].startswith("scans/")
    assert shown.size == (1024, 2048)
    assert not shown.getexif()
    assert b"Secret Camera" not in picture
    assert gone(store, order["key"])


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"this is no image", "image/jpeg", "not_an_image"),
        (photo()[:400], "image/jpeg", "image_damaged"),
        (photo(form="PNG"), "image/jpeg", "image_type_mismatch"),
        (photo(form="GIF"), "image/jpeg", "image_type_unsupported"),
        (photo((8, 8)), "image/jpeg", "image_too_small"),
        (photo() + bytes(10 * 1024 * 1024), "image/jpeg", "image_too_large"),
    ],
)
def test_an_upload_that_is_no_photo_is_told_as_that_and_deleted(
    storage: Storage, store: ObjectStore, task_id: NewId, body: bytes, content_type: str, code: str
) -> None:
    order = uploaded(store, body, content_type)

    result = storage.done("image.import", order, task_id("import"))

    assert set(result) == {"refused"}
    assert result["refused"]["code"] == code
    assert result["refused"]["detail"]
    assert gone(store, order["key"])


def test_an_upload_that_is_not_there_is_told(storage: Storage, task_id: NewId) -> None:
    order = {"key": f"uploads/{uuid.uuid4()}", "content_type": "image/jpeg"}

    assert storage.done("image.import", order, task_id("import"))["refused"]["code"] == "upload_missing"


@pytest.mark.parametrize(
    "order",
    [
        {},
        [],
        {"key": f"uploads/{uuid.uuid4()}"},
        {"key": f"scans/ab/ab{'0' * 62}.jpg", "content_type": "image/jpeg"},
        {"key": "../etc", "content_type": "image/jpeg"},
        {"key": f"uploads/{uuid.uuid4()}", "content_type": "text/html"},
        {"key": f"uploads/{uuid.uuid4()}", "content_type": "image/jpeg", "more": 1},
    ],
)
def test_an_order_that_names_no_upload_is_refused(storage: Storage, task_id: NewId, order: object) -> None:
    storage.put("image.import", order, name := task_id("import"))

    event, data = storage.outcome(name)
    assert (event, data["error_class"]) == ("image.import.failed", "PermanentError")


def test_an_import_that_is_ordered_twice_is_made_once(storage: Storage, store: ObjectStore, task_id: NewId) -> None:
    order, name = uploaded(store, photo()), task_id("import")
    first = storage.done("image.import", order, name)

    storage.put("image.import", order, name)

    (_, data), (_, again) = storage.outcomes(name, 2)[:2]
    assert data["result"] == again["result"] == first


def test_what_is_not_there_is_deleted_all_the_same(storage: Storage) -> None:
    key = f"scans/ab/ab{uuid.uuid4().hex}{'0' * 30}.jpg"

    assert storage.done("image.delete", {"key": key}, f"{key}.delete") == {"key": key}


@pytest.mark.parametrize("payload", [{}, [], None, {"key": None}, {"key": ".ready"}, {"key": "private/x.jpg"}])
def test_what_is_not_ours_is_not_deleted(
    storage: Storage, store: ObjectStore, task_id: NewId, payload: dict[str, str]
) -> None:
    store.put("private/x.jpg", b"stays", content_type="image/jpeg", cache_control="no-store")
    storage.put("image.delete", payload, name := task_id("delete"))

    event, data = storage.outcome(name)
    assert (event, data["error_class"]) == ("image.delete.failed", "PermanentError")
    assert store.get("private/x.jpg") == b"stays"


class DiesAfterDeleting:
    """The real store, whose user is cut off once an upload is deleted."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.get, self.put = store.get, store.put

    def delete(self, key: str) -> None:
        self._store.delete(key)
        raise ConnectionError("cut off")


def test_an_import_that_is_cut_off_after_its_upload_went_ends_with_its_picture(
    parts: TestStack, store: ObjectStore, task_id: NewId, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage is read back from the journal: nobody could make the picture a second time."""
    for name, value in {**parts.settings, "ECO2_HTTP_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    config.cache_clear()
    order, name = uploaded(store, photo()), task_id("import")
    work = Work(name, "image.import", json.dumps(order).encode(), "application/json", {})
    journal = WALManager(tmp_path / "storage.db", worker="storage")

    def run(objects: object) -> Any:
        service = SimpleNamespace(objects=objects, photos=Darkroom(config().images, wait_s=5))
        return StorageWorker.import_upload(service, RunningTask(work, journal, _say_nothing))

    with pytest.raises(ConnectionError):
        run(DiesAfterDeleting(store))
    assert gone(store, order["key"])
    journal.log_task_retry(name, "cut off")
    kept = run(store)

    assert store.get(kept["key"])
    journal.close()
    config.cache_clear()


def test_an_import_that_finds_no_place_is_tried_again_and_not_refused(parts: TestStack, store: ObjectStore) -> None:
    order = uploaded(store, photo())
    limits = parts.config.images
    full = Darkroom(limits, wait_s=0.02)
    let_go = Event()
    busy = [eventlet.spawn(full.prepare, let_go.wait, None) for _ in range(limits.decode_at_once)]
    eventlet.sleep(0)

    with pytest.raises(Unavailable, match="photos_busy"):
        store_upload("import", order_of(order), store, limits, full)

    let_go.send(photo())
    assert all(each.wait() for each in busy)
    assert not gone(store, order["key"])


def _say_nothing(*_: object) -> None:
    pass
