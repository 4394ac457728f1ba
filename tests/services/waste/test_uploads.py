"""Uploads: an address that takes one photo of one type and size, checked before anything is made of it."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg2
import pytest
from PIL import Image
from uuid6 import uuid7

from services.kernel.errors import Conflict, NotFound, TooLarge, TooManyRequests, Unprocessable
from services.kernel.objects import CALLER, ObjectMissing, ObjectStore
from services.waste import uploads
from services.waste.tables import Upload
from tests.services.running import Running

Drops = list[str]


def photo(form: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(file, form)
    return file.getvalue()


@pytest.fixture
def owner() -> str:
    return str(uuid7())


def opened(waste: Running, owner: str | None, body: bytes, content_type: str = "image/jpeg") -> dict[str, Any]:
    found: dict[str, Any] = waste.call.upload_open(owner, owner or f"address:{uuid7()}", content_type, len(body))
    return found


def put(upload: dict[str, Any], body: bytes, **headers: str) -> int:
    sent = httpx.request(upload["method"], upload["url"], content=body, headers={**upload["headers"], **headers})
    return sent.status_code


def state(waste: Running, upload_id: str) -> str | None:
    rows = waste.sql("SELECT state FROM waste.uploads WHERE id = %s", upload_id)
    return rows[0][0] if rows else None


def aged(waste: Running, upload_id: str, seconds: float) -> None:
    """As if all had happened so many seconds earlier."""
    waste.sql(
        "UPDATE waste.uploads SET created_at = created_at - %s * interval '1 s',"
        " expires_at = expires_at - %s * interval '1 s' WHERE id = %s",
        seconds,
        seconds,
        upload_id,
    )


def within(work: Callable[[Callable[[str], None]], Any]) -> Drops:
    """The keys that `work` would have deleted."""
    drops: Drops = []
    with Upload._meta.database.connection_context():
        work(drops.append)
    return drops


def test_a_photo_is_put_and_completed(waste: Running, owner: str, store: ObjectStore) -> None:
    upload = opened(waste, owner, body := photo())

    assert put(upload, body) == 200
    done = waste.call.upload_complete(upload["upload_id"], owner)

    assert store.get(upload["image_key"]) == body
    assert done == {
        "upload_id": upload["upload_id"],
        "image_key": f"uploads/{upload['upload_id']}",
        "state": "completed",
        "content_type": "image/jpeg",
        "bytes": len(body),
        "expires_at": done["expires_at"],
    }


def test_an_upload_tells_all_that_its_put_needs(waste: Running, owner: str) -> None:
    upload = opened(waste, owner, photo())

    assert set(upload) == {"upload_id", "image_key", "url", "method", "headers", "expires_at"}
    assert (upload["method"], upload["headers"]) == (
        "PUT",
        {"Content-Type": "image/jpeg", "Content-Length": str(len(photo()))},
    )
    left = datetime.fromisoformat(upload["expires_at"]) - datetime.now(UTC)
    assert 800 < left.total_seconds() <= 900


@pytest.mark.parametrize(("form", "content_type"), [("PNG", "image/png"), ("WEBP", "image/webp")])
def test_other_kinds_of_pictures_are_taken_too(waste: Running, owner: str, form: str, content_type: str) -> None:
    upload = opened(waste, owner, body := photo(form), content_type)

    assert put(upload, body) == 200
    assert waste.call.upload_complete(upload["upload_id"], owner)["content_type"] == content_type


def test_the_store_takes_no_other_size_type_key_or_method(waste: Running, owner: str, store: ObjectStore) -> None:
    upload = opened(waste, owner, body := photo())

    assert put(upload, body + b"x", **{"Content-Length": str(len(body) + 1)}) == 403
    assert put(upload, body, **{"Content-Type": "text/html"}) == 403
    assert put({**upload, "url": upload["url"].replace("uploads/", "scans/")}, body) == 403
    assert put({**upload, "method": "DELETE"}, body) == 403
    with pytest.raises(ObjectMissing):
        store.get(upload["image_key"])


def test_completing_before_anything_was_put_says_so(waste: Running, owner: str) -> None:
    upload = opened(waste, owner, photo())

    assert waste.refuses(waste.call.upload_complete, upload["upload_id"], owner).code == "upload_missing"
    assert state(waste, upload["upload_id"]) == "open"


@pytest.mark.parametrize(
    ("stored", "content_type", "why"),
    [
        (b"MZ" + bytes(len(photo()) - 2), "image/jpeg", "no image/jpeg"),
        (photo() + b"x", "image/jpeg", "not the declared"),
        (photo(), "text/html", "another type"),
        (b"", "image/jpeg", "cannot be read"),
    ],
)
def test_what_is_not_what_was_declared_is_refused_and_deleted(
    waste: Running, owner: str, store: ObjectStore, stored: bytes, content_type: str, why: str
) -> None:
    """Put past the signed address, as into a store that would not enforce it."""
    upload = opened(waste, owner, photo())
    store.put(upload["image_key"], stored, content_type=content_type, cache_control="no-store")

    problem = waste.refuses(waste.call.upload_complete, upload["upload_id"], owner)

    assert isinstance(problem, Unprocessable)
    assert problem.code == "upload_mismatch"
    assert why in problem.detail
    with pytest.raises(ObjectMissing):
        store.get(upload["image_key"])
    assert state(waste, upload["upload_id"]) == "open"


def test_after_a_mismatch_the_right_photo_may_be_put(waste: Running, owner: str, store: ObjectStore) -> None:
    upload = opened(waste, owner, body := photo())
    store.put(upload["image_key"], b"nothing", content_type="image/jpeg", cache_control="no-store")
    waste.refuses(waste.call.upload_complete, upload["upload_id"], owner)

    put(upload, body)

    assert waste.call.upload_complete(upload["upload_id"], owner)["state"] == "completed"


def test_completing_twice_changes_nothing(waste: Running, owner: str) -> None:
    upload = opened(waste, owner, body := photo())
    put(upload, body)

    first = waste.call.upload_complete(upload["upload_id"], owner)

    assert waste.call.upload_complete(upload["upload_id"].upper(), owner) == first


def test_completing_at_once_completes_once(waste: Running, owner: str) -> None:
    upload = opened(waste, owner, body := photo())
    put(upload, body)

    outcomes = waste.at_once(5, "upload_complete", upload["upload_id"], owner)

    assert len({outcome["expires_at"] for outcome in outcomes}) == 1


@pytest.mark.parametrize("viewer", [None, str(uuid7()), "somebody"])
def test_somebody_elses_upload_is_as_none(waste: Running, owner: str, viewer: str | None) -> None:
    upload = opened(waste, owner, body := photo())
    put(upload, body)

    problem = waste.refuses(waste.call.upload_complete, upload["upload_id"], viewer)

    assert isinstance(problem, NotFound)
    assert state(waste, upload["upload_id"]) == "open"


def test_an_upload_of_nobody_is_for_who_knows_its_id_and_has_no_account(waste: Running, owner: str) -> None:
    upload = opened(waste, None, body := photo())
    put(upload, body)

    assert waste.refuses(waste.call.upload_complete, upload["upload_id"], owner).code == "upload_not_found"
    assert waste.call.upload_complete(upload["upload_id"])["state"] == "completed"


@pytest.mark.parametrize("upload_id", ["", "1", "../..", None, 7, str(uuid7())])
def test_an_upload_that_there_is_not_is_not_found(waste: Running, owner: str, upload_id: object) -> None:
    assert waste.refuses(waste.call.upload_complete, upload_id, owner).code == "upload_not_found"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("image/gif", 10), "content_type"),
        (("image/jpeg; q=1", 10), "content_type"),
        ((None, 10), "content_type"),
        (("image/jpeg", 0), "size"),
        (("image/jpeg", -1), "size"),
        (("image/jpeg", "10"), "size"),
        (("image/jpeg", 10.5), "size"),
        (("image/jpeg", True), "size"),
    ],
)
def test_a_wrong_declaration_opens_nothing(
    waste: Running, owner: str, arguments: tuple[object, ...], field: str
) -> None:
    problem = waste.refuses(waste.call.upload_open, owner, owner, *arguments)

    assert problem.errors[0]["field"] == field
    assert waste.sql("SELECT count(*) FROM waste.uploads WHERE owner = %s", owner) == [(0,)]


def test_a_photo_that_is_too_large_gets_no_address(waste: Running, owner: str) -> None:
    limit = waste.config.images.max_bytes

    assert waste.call.upload_open(owner, owner, "image/jpeg", limit)["upload_id"]
    assert isinstance(waste.refuses(waste.call.upload_open, owner, owner, "image/jpeg", limit + 1), TooLarge)


def test_nobody_has_more_uploads_waiting_than_they_may(waste: Running, owner: str) -> None:
    many = [opened(waste, owner, photo()) for _ in range(waste.config.uploads.open_at_most)]

    assert isinstance(waste.refuses(waste.call.upload_open, owner, owner, "image/jpeg", 10), TooManyRequests)
    assert opened(waste, str(uuid7()), photo())

    aged(waste, many[0]["upload_id"], 901)
    assert opened(waste, owner, photo())


def test_an_upload_expires_and_its_object_goes(waste: Running, owner: str) -> None:
    late, early = opened(waste, owner, photo()), opened(waste, owner, photo())
    aged(waste, late["upload_id"], 900 + 61)

    drops = within(uploads.expire)

    assert late["image_key"] in drops
    assert early["image_key"] not in drops
    assert (state(waste, late["upload_id"]), state(waste, early["upload_id"])) == ("expired", "open")
    assert isinstance(waste.refuses(waste.call.upload_complete, late["upload_id"], owner), Conflict)


def test_an_address_that_is_over_is_not_completed_though_nobody_has_swept(waste: Running, owner: str) -> None:
    upload = opened(waste, owner, body := photo())
    put(upload, body)
    aged(waste, upload["upload_id"], 901)

    assert waste.refuses(waste.call.upload_complete, upload["upload_id"], owner).code == "upload_expired"


def test_an_upload_is_forgotten_and_its_object_deleted_once_more(waste: Running, owner: str) -> None:
    old, young = opened(waste, owner, photo()), opened(waste, owner, photo())
    for upload, seconds in ((old, 900 + 86401), (young, 900 + 61)):
        aged(waste, upload["upload_id"], seconds)
    within(uploads.expire)

    drops = within(lambda drop: uploads.forget(86400, drop))

    assert old["image_key"] in drops
    assert young["image_key"] not in drops
    assert (state(waste, old["upload_id"]), state(waste, young["upload_id"])) == (None, "expired")


def test_what_cannot_be_deleted_is_not_forgotten(waste: Running, owner: str) -> None:
    upload = opened(waste, owner, photo())
    aged(waste, upload["upload_id"], 900 + 61)

    def fail(_: str) -> None:
        raise ConnectionError("the broker is away")

    with Upload._meta.database.connection_context(), pytest.raises(ConnectionError):
        uploads.expire(fail)

    assert state(waste, upload["upload_id"]) == "open"


def test_the_address_is_where_clients_reach_the_store(waste: Running) -> None:
    rules = waste.config.uploads.model_copy(update={"base_url": httpx.URL("https://uploads.example.org")})
    public = ObjectStore(waste.config.model_copy(update={"uploads": rules}), CALLER)

    url = public.upload_url("uploads/x", content_type="image/png", size=5, seconds=60)

    assert url.startswith(f"https://uploads.example.org/{public.bucket}/uploads/x?")
    assert "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost" in url


def test_a_store_that_is_away_is_told_in_time(waste: Running) -> None:
    away = ObjectStore(waste.config.model_copy(update={"s3_url": httpx.URL("http://a:b@127.0.0.1:1/x")}), CALLER)

    with pytest.raises(Exception, match="storage_unavailable"):
        away.beginning("uploads/x", 12)


@pytest.mark.parametrize(
    "change",
    [
        "state = 'used'",
        "scan_id = gen_random_uuid()",
        "state = 'lost'",
        "bytes = 0",
        "content_type = 'text/html'",
        "expires_at = created_at",
        "scope = ''",
    ],
)
def test_the_database_refuses_an_upload_that_cannot_be(waste: Running, owner: str, change: str) -> None:
    upload = opened(waste, owner, photo())

    with pytest.raises(psycopg2.errors.CheckViolation):
        waste.sql(f"UPDATE waste.uploads SET {change} WHERE id = %s", upload["upload_id"])  # noqa: S608
