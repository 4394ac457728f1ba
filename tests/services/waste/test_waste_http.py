"""``/api/waste`` and ``/api/recycle`` over HTTP: a real gateway, waste, recycle and storage worker, and a real store.

Auth is a stand-in that speaks its RPC: a token is a user's id. The AI worker is the tests.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from nameko.containers import ServiceContainer
from nameko.rpc import rpc
from nameko.standalone.events import event_dispatcher
from PIL import Image
from uuid6 import uuid7

from services.gateway.service import GatewayService
from services.kernel.errors import Problem, Unauthenticated
from services.kernel.objects import ObjectMissing, ObjectStore
from services.kernel.settings import nameko_config
from tests.services.running import Running, eventually, free_port, running
from tests.services.waste.test_waste_contract import SEEN, result
from workers.storage.service import StorageWorker

SCANS, UPLOADS = "/api/waste/scans", "/api/waste/uploads"
WITHIN_S = 20


class StandInAuth:
    """Verifies a token that is a user's id."""

    name = "auth"

    @rpc(expected_exceptions=Problem)
    def verify(self, access_token: str) -> dict[str, str]:
        if len(access_token) != 36:
            raise Unauthenticated("token_invalid", "The access token is not valid.")
        return {"user_id": access_token, "session_id": access_token, "jti": access_token, "expires_at": ""}


@pytest.fixture(scope="module")
def gateway(waste: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = waste.config.model_copy(
        update={"http_port": free_port(), "state_dir": Path(tmp_path_factory.mktemp("state"))}
    )
    auth = ServiceContainer(StandInAuth, nameko_config(settings))
    auth.start()
    with running(StorageWorker, settings), running(GatewayService, waste.config) as service:
        yield service
    auth.stop()


@pytest.fixture
def anybody(gateway: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.config.http_port}", timeout=30) as client:
        yield client


@pytest.fixture
def user_id() -> str:
    return str(uuid7())


@pytest.fixture
def mine(anybody: httpx.Client, user_id: str) -> Iterator[httpx.Client]:
    """A client of a new user."""
    with httpx.Client(base_url=anybody.base_url, headers={"Authorization": f"Bearer {user_id}"}, timeout=30) as client:
        yield client


def photo(colour: str = "green", form: str = "JPEG", size: tuple[int, int] = (120, 80)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, form)
    return file.getvalue()


def send(client: httpx.Client, body: bytes, data: dict[str, str] | None = None, **headers: str) -> httpx.Response:
    return client.post(SCANS, files={"image": ("x", body, "image/jpeg")}, data=data or {}, headers=headers)


def stored(client: httpx.Client, at: str) -> dict[str, Any]:
    """The scan, once its picture is stored."""
    found: dict[str, Any] = eventually(lambda: (scan := client.get(at).json())["stage"] != "queued" and scan, WITHIN_S)
    return found


def uploaded(client: httpx.Client, body: bytes, content_type: str = "image/jpeg") -> dict[str, Any]:
    """An upload whose photo was put and completed."""
    opened = client.post(UPLOADS, json={"content_type": content_type, "bytes": len(body)})
    assert opened.status_code == 201, opened.text
    upload: dict[str, Any] = opened.json()
    put = httpx.request(upload["method"], upload["url"], content=body, headers=upload["headers"])
    assert put.status_code == 200, put.text
    done = client.post(f"{UPLOADS}/{upload['upload_id']}/complete")
    assert (done.status_code, done.json()["state"]) == (200, "completed"), done.text
    return upload


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    problem: dict[str, Any] = response.json()
    return problem


def tell_result(gateway: Running, scan_id: str, told: dict[str, Any]) -> None:
    tell = event_dispatcher(nameko_config(gateway.config))
    tell("ai", "scan.classify.completed", {"task_id": f"{scan_id}.classify", "result": told})


def test_a_photo_is_sent_stored_and_answered(mine: httpx.Client, gateway: Running) -> None:
    accepted = send(mine, photo(), {"language": "en", "region": "서울 강남구"})

    assert accepted.status_code == 202
    at = accepted.headers["location"]
    assert accepted.headers["retry-after"] == "1"
    assert accepted.json()["events_url"] == f"{at}/events"
    waiting = mine.get(at)
    assert waiting.status_code == 202
    assert waiting.headers["retry-after"] == "1"
    assert httpx.get(stored(mine, at)["image"]["url"]).headers["content-type"] == "image/jpeg"

    tell_result(gateway, accepted.json()["scan_id"], result(SEEN))
    done = eventually(lambda: (scan := mine.get(at)).status_code == 200 and scan.json(), WITHIN_S)

    assert (done["status"], done["result"]["item_id"], done["error"]) == ("completed", "pizza_box", None)
    assert done["result"]["disposal"]["steps"]
    assert mine.get(SCANS).json()["scans"][0]["name"] == done["result"]["disposal"]["name"]


def test_a_photo_is_put_into_the_store_and_opens_a_scan(mine: httpx.Client, store: ObjectStore) -> None:
    upload = uploaded(mine, photo(size=(3000, 1500)))

    accepted = mine.post(SCANS, json={"image_key": upload["image_key"], "language": "en"})

    assert accepted.status_code == 202, accepted.text
    image = stored(mine, accepted.headers["location"])["image"]
    assert (image["width"], image["height"]) == (2048, 1024)
    picture = httpx.get(image["url"]).content
    assert len(picture) == image["bytes"]
    assert Image.open(io.BytesIO(picture)).size == (2048, 1024)
    assert eventually(lambda: _gone(store, upload["image_key"]), WITHIN_S)
    refused(mine.post(SCANS, json={"image_key": upload["image_key"]}), 409, "upload_used")


def test_nobody_needs_an_account_to_upload(anybody: httpx.Client) -> None:
    upload = uploaded(anybody, photo(form="PNG"), "image/png")

    accepted = anybody.post(SCANS, json={"image_key": upload["image_key"]})

    assert stored(anybody, accepted.headers["location"])["stage"] == "stored"


def test_an_upload_that_is_damaged_fails_its_scan_with_the_photos_problem(mine: httpx.Client) -> None:
    whole = photo(size=(800, 600))
    upload = uploaded(mine, whole[: len(whole) // 2])

    at = mine.post(SCANS, json={"image_key": upload["image_key"]}).headers["location"]

    scan = eventually(lambda: (found := mine.get(at)).status_code == 200 and found.json(), WITHIN_S)
    assert (scan["status"], scan["error"]["code"]) == ("failed", "image_damaged")
    assert scan["image"] == dict.fromkeys(("bytes", "width", "height", "key", "url"))


def test_a_deleted_scan_takes_its_picture_along(mine: httpx.Client, store: ObjectStore) -> None:
    first, second = (send(mine, photo("blue")).headers["location"] for _ in range(2))
    key, other = stored(mine, first)["image"]["key"], stored(mine, second)["image"]["key"]
    assert key != other

    assert mine.delete(first).status_code == 204

    refused(mine.get(first), 404, "scan_not_found")
    assert eventually(lambda: _gone(store, key), WITHIN_S)
    assert store.get(other)


def _gone(store: ObjectStore, key: str) -> bool:
    try:
        store.get(key)
    except ObjectMissing:
        return True
    return False


def test_others_see_neither_scan_nor_upload(mine: httpx.Client, anybody: httpx.Client) -> None:
    theirs = {"Authorization": f"Bearer {uuid7()}"}
    at = send(mine, photo()).headers["location"]
    upload = uploaded(mine, photo())

    for headers in ({}, theirs):
        refused(anybody.get(at, headers=headers), 404, "scan_not_found")
        refused(anybody.get(f"{at}/events", headers=headers), 404, "scan_not_found")
        complete = f"{UPLOADS}/{upload['upload_id']}/complete"
        refused(anybody.post(complete, headers=headers), 404, "upload_not_found")
        refused(anybody.post(SCANS, json={"image_key": upload["image_key"]}, headers=headers), 404, "upload_not_found")
        verdict = anybody.post(f"{at}/feedback", json={"verdict": "right"}, headers=headers)
        refused(verdict, 404, "scan_not_found")
    refused(anybody.delete(at, headers=theirs), 404, "scan_not_found")
    refused(anybody.delete(at), 401, "token_missing")
    refused(anybody.get(SCANS), 401, "token_missing")


def test_the_same_key_with_the_same_photo_finds_the_same_scan(mine: httpx.Client) -> None:
    first = send(mine, photo(), **{"Idempotency-Key": "k1"})

    assert send(mine, photo(), **{"Idempotency-Key": "k1"}).json() == first.json()
    refused(send(mine, photo("red"), **{"Idempotency-Key": "k1"}), 422, "idempotency_key_reused")
    refused(send(mine, photo(), {"language": "en"}, **{"Idempotency-Key": "k1"}), 422, "idempotency_key_reused")
    refused(send(mine, photo(), **{"Idempotency-Key": "two words"}), 400, "idempotency_key_invalid")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "image_key"),
        ({"image_key": "scans/x"}, "image_key"),
        ({"image_key": f"uploads/{uuid7()}", "language": "fr"}, "language"),
        ({"image_key": f"uploads/{uuid7()}", "region": ""}, "region"),
        ({"image_key": f"uploads/{uuid7()}", "more": 1}, "more"),
        ({"image_key": 7}, "image_key"),
    ],
)
def test_a_wrong_order_is_refused_by_field(mine: httpx.Client, body: dict[str, Any], field: str) -> None:
    problem = refused(mine.post(SCANS, json=body), 422, "invalid_arguments")

    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert mine.get(SCANS).json()["scans"] == []


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"language": "fr"}, 422, "invalid_arguments"),
        ({"speed": "high"}, 422, "invalid_arguments"),
        ({"region": "평양"}, 422, "unknown_region"),
        ({"region": "중구"}, 422, "ambiguous_region"),
        ({"region": "x" * 51}, 422, "invalid_arguments"),
    ],
)
def test_a_wrong_form_opens_nothing(mine: httpx.Client, data: dict[str, str], status: int, code: str) -> None:
    refused(send(mine, photo(), data), status, code)

    assert mine.get(SCANS).json()["scans"] == []


def test_what_is_no_photo_opens_nothing(mine: httpx.Client) -> None:
    refused(send(mine, b"no image"), 415, "not_an_image")
    refused(send(mine, photo()[:300]), 422, "image_damaged")
    refused(mine.post(SCANS, content=photo(), headers={"Content-Type": "image/jpeg"}), 415, "content_type_unsupported")

    assert mine.get(SCANS).json()["scans"] == []


def test_an_empty_region_of_a_form_is_none(mine: httpx.Client) -> None:
    assert send(mine, photo(), {"region": ""}).status_code == 202


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"content_type": "image/gif", "bytes": 5}, 422, "invalid_arguments"),
        ({"content_type": "image/jpeg"}, 422, "invalid_arguments"),
        ({"content_type": "image/jpeg", "bytes": 0}, 422, "invalid_arguments"),
        ({"content_type": "image/jpeg", "bytes": "5"}, 422, "invalid_arguments"),
        ({"content_type": "image/jpeg", "bytes": 5, "name": "x"}, 422, "invalid_arguments"),
        ({"content_type": "image/jpeg", "bytes": 10 * 1024 * 1024 + 1}, 413, "image_too_large"),
        ({"content_type": "image/jpeg", "bytes": 10**400}, 413, "image_too_large"),
    ],
)
def test_a_wrong_upload_is_refused(mine: httpx.Client, body: dict[str, Any], status: int, code: str) -> None:
    refused(mine.post(UPLOADS, json=body), status, code)


def test_feedback_is_kept_and_the_history_has_pages(mine: httpx.Client, gateway: Running) -> None:
    ats = [send(mine, photo()).headers["location"] for _ in range(3)]
    stored(mine, ats[0])
    tell_result(gateway, ats[0].rpartition("/")[2], result(SEEN))
    eventually(lambda: mine.get(ats[0]).status_code == 200, WITHIN_S)

    said = mine.post(f"{ats[0]}/feedback", json={"verdict": "wrong", "item_id": "paper_cup", "comment": "컵이에요"})
    page = mine.get(SCANS, params={"limit": 2}).json()
    rest = mine.get(SCANS, params={"limit": 2, "cursor": page["next"]}).json()

    assert (said.status_code, said.json()["item_id"]) == (200, "paper_cup")
    refused(mine.post(f"{ats[1]}/feedback", json={"verdict": "right"}), 409, "scan_unfinished")
    refused(mine.post(f"{ats[0]}/feedback", json={"verdict": "maybe"}), 422, "invalid_arguments")
    assert [len(page["scans"]), len(rest["scans"]), rest["next"]] == [2, 1, None]
    refused(mine.get(SCANS, params={"cursor": "x"}), 422, "cursor_invalid")
    refused(mine.get(SCANS, params={"limit": 101}), 422, "invalid_arguments")


def test_the_events_of_a_scan_end_with_the_whole_scan(mine: httpx.Client, gateway: Running) -> None:
    at = send(mine, photo()).headers["location"]
    stored(mine, at)
    tell_result(gateway, at.rpartition("/")[2], result(SEEN))

    with mine.stream("GET", f"{at.upper().replace('/API/WASTE/SCANS', SCANS)}/events") as stream:
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = list(stream.iter_lines())

    ids = [line.removeprefix("id: ") for line in lines if line.startswith("id: ")]
    assert ids == ["0-1", "10-0", "40-0", "55-0", "90-0", "100-0"]
    last = json.loads([line for line in lines if line.startswith("data: ")][-1].removeprefix("data: "))
    assert last == mine.get(at).json()
    assert mine.get(f"{at}/events", headers={"Last-Event-ID": "100-0"}).status_code == 204


def test_a_listeners_place_is_given_back(mine: httpx.Client, gateway: Running) -> None:
    at = send(mine, photo()).headers["location"]
    [free] = [part.free for part in gateway.container.dependencies if part.attr_name == "listeners"]
    before = free.balance

    with mine.stream("GET", f"{at}/events") as stream:
        next(stream.iter_lines())
        assert free.balance == before - 1

    assert eventually(lambda: free.balance == before, WITHIN_S)


def test_the_knowledge_is_told(anybody: httpx.Client) -> None:
    categories = anybody.get("/api/recycle/categories")
    assert categories.json() == anybody.get("/api/waste/categories").json()
    assert categories.headers["cache-control"] == "public, max-age=300"
    assert anybody.get("/api/recycle/items", params={"kind": "paper", "limit": 3}).json()["next"] == 3
    assert anybody.get("/api/recycle/items/pizza_box", params={"lang": "en"}).json()["synonyms"]
    dirty = anybody.get("/api/recycle/items/pizza_box/rules", params={"situations": "dirty"})
    assert dirty.json()["major"] == "general"
    assert anybody.get("/api/recycle/search", params={"q": "피자 박스"}).json()["hits"][0]["item_id"] == "pizza_box"
    assert anybody.get("/api/recycle/suggest", params={"q": "피자"}).json()["suggestions"]
    assert len(anybody.get("/api/recycle/regions").json()["regions"]) == 80
    assert anybody.get("/api/recycle/faq").json()["questions"]


def test_the_calendar_has_its_hours_by_the_names_of_the_document(anybody: httpx.Client) -> None:
    told = anybody.get("/api/recycle/calendar", params={"region": "서울 강남구"}).json()

    assert told["region"]["id"] == "seoul_gangnam"
    assert {"from", "until", "days"} <= set(told["collections"][0])


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("items/none", 404, "item_not_found"),
        ("items/..%2F..", 404, "route_not_found"),
        ("items?kind=gold", 422, "invalid_arguments"),
        ("items?category=food&kind=paper", 422, "invalid_arguments"),
        ("items/pizza_box?lang=fr", 422, "invalid_arguments"),
        ("items/pizza_box/rules?situations=haunted", 422, "unknown_situation"),
        ("search?q=", 422, "invalid_arguments"),
        ("search", 422, "invalid_arguments"),
        ("calendar", 422, "invalid_arguments"),
        ("calendar?region=중구", 422, "ambiguous_region"),
        ("faq?region=평양", 422, "unknown_region"),
    ],
)
def test_a_wrong_question_is_refused(anybody: httpx.Client, path: str, status: int, code: str) -> None:
    refused(anybody.get(f"/api/recycle/{path}"), status, code)
