"""One user's walk through every route of the API, from registering to being forgotten."""

import email
import email.policy
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse

from tests.e2e.operations import Operation, Visited, operations
from tests.e2e.people import PASSWORD, Person
from tests.e2e.scans import SCANS, follow, send
from tests.stack import TestStack, eventually

CHATS = "/api/chat/conversations"
NOT_CONFIGURED = {
    Operation("GET", "/api/auth/oauth/{provider}"),
    Operation("GET", "/api/auth/oauth/{provider}/callback"),
}
"""Without a client id at a provider there is nothing behind these."""


def ok(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, (response.request.url, response.text)
    return response.json() if response.content else None


def letters(stack: TestStack, address: str) -> list[str]:
    """The texts of the letters to an address, the oldest first."""
    files = sorted((stack.home / "state" / "mail").glob("*.eml"))
    read = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
    return [letter.get_body().get_content() for letter in read if letter["To"] == address]  # type: ignore[union-attr]


def token_of(letter: str) -> str:
    """What the link in a letter carries."""
    found = re.search(r"#(?:verify|reset)=([\w-]+)", letter)
    assert found, letter
    return found[1]


@pytest.fixture
def seen(client: httpx.Client) -> Visited:
    return Visited(operations(client))


@pytest.fixture
def walker(stack: TestStack, seen: Visited) -> Person:
    return Person.register(stack.gateway, seen)


def test_every_route_is_walked_through(
    walker: Person, seen: Visited, stack: TestStack, coffee: bytes, client: httpx.Client
) -> None:
    api = walker.client

    knowledge(api)
    places(api)
    scan_id = scans(api, coffee)
    conversation(api, scan_id)
    own_things(api, coffee)
    account(api, walker, lambda: letters(stack, walker.email))

    gone = {"Authorization": api.headers["Authorization"]}
    assert client.get("/api/user/me", headers=gone).status_code == 401
    eventually(lambda: stack.sql("SELECT count(*) FROM waste.scans WHERE id = %s", scan_id) == [(0,)])
    assert set(operations(client)) - seen.operations == NOT_CONFIGURED


def knowledge(api: httpx.Client) -> None:
    assert len(ok(api.get("/api/recycle/categories"))["categories"]) == 7
    assert ok(api.get("/api/recycle/items", params={"kind": "battery"}))["total"] > 3
    assert ok(api.get("/api/recycle/items/pizza_box"))["major"] == "recyclable"
    rules = ok(api.get("/api/recycle/items/pizza_box/rules", params={"situations": "dirty", "lang": "en"}))
    assert rules["major"] == "general"
    assert ok(api.get("/api/recycle/search", params={"q": "ㅍㅌㅂ"}))["hits"]
    assert ok(api.get("/api/recycle/suggest", params={"q": "냉장"}))["suggestions"]
    assert len(ok(api.get("/api/recycle/regions"))["regions"]) >= 80
    assert ok(api.get("/api/recycle/faq"))["questions"]
    assert ok(api.get("/api/recycle/calendar", params={"region": "서울 강남구"}))["collections"]
    assert ok(api.get("/openapi.json"))["openapi"] == "3.1.0"
    for domain in ("waste", "auth", "user", "location", "recycle", "chat"):
        assert ok(api.get(f"/api/{domain}/health"))["status"] == "healthy"
        assert ok(api.get(f"/api/{domain}/ready"))["status"] == "ready"
        assert "eco2_call_seconds" in api.get(f"/api/{domain}/metrics").text


def places(api: httpx.Client) -> None:
    near = ok(api.get("/api/location/points", params={"lat": 37.5665, "lon": 126.978, "radius": 50_000}))["points"]
    assert ok(api.get(f"/api/location/points/{near[0]['point_id']}"))["name"] == near[0]["name"]
    assert ok(api.get("/api/location/kinds"))["kinds"]
    box = {"south": 37.4, "west": 126.7, "north": 37.7, "east": 127.2}
    assert ok(api.get("/api/location/map", params={**box, "zoom": 12}))["clusters"]
    assert ok(api.get("/api/location/search", params={"q": "예시"}))["points"]
    assert ok(api.get("/api/location/suggestions", params={"q": "예시"}))["suggestions"]


def scans(api: httpx.Client, photo: bytes) -> str:
    """The id of a scan that is left: one is sent, one is put into the store, one is deleted."""
    sent = ok(send(api, photo), 202)["scan_id"]
    assert [event.id for event in follow(api, sent)][-1] == "100-0"
    assert ok(api.get(f"{SCANS}/{sent}"))["result"]["item_id"] == "ceramic_cup"
    ok(api.post(f"{SCANS}/{sent}/feedback", json={"verdict": "wrong", "item_id": "paper_cup"}))

    upload = ok(api.post("/api/waste/uploads", json={"content_type": "image/jpeg", "bytes": len(photo)}), 201)
    httpx.put(upload["url"], content=photo, headers=upload["headers"]).raise_for_status()
    ok(api.post(f"/api/waste/uploads/{upload['upload_id']}/complete"))
    put = ok(api.post(SCANS, json={"image_key": upload["image_key"]}), 202)["scan_id"]
    assert follow(api, put)[-1].json()["result"]["item_id"] == "ceramic_cup"

    assert {scan["scan_id"] for scan in ok(api.get(SCANS))["scans"]} == {sent, put}
    picture = ok(api.get(f"{SCANS}/{sent}"))["image"]["url"]
    assert httpx.get(picture).status_code == 200
    ok(api.delete(f"{SCANS}/{sent}"), 204)
    eventually(lambda: httpx.get(picture).status_code == 404)
    assert len(ok(api.get("/api/waste/categories"))["categories"]) == 7
    return str(put)


def conversation(api: httpx.Client, scan_id: str) -> None:
    talk = ok(api.post(CHATS, json={"title": "컵"}), 201)["conversation_id"]
    at = f"{CHATS}/{talk}"
    asked = ok(api.post(f"{at}/messages", json={"message": "이거 어떻게 버려요?", "scan_id": scan_id}), 202)
    answer = f"{at}/messages/{asked['answer_id']}"
    with connect_sse(api, "GET", f"{answer}/events") as source:
        last = list(source.iter_sse())[-1]
    assert last.event == "completed", last
    assert "ceramic_cup" in [item["item_id"] for item in ok(api.get(answer))["items"]]
    ok(api.post(f"{answer}/feedback", json={"verdict": "helpful"}))
    assert len(ok(api.get(f"{at}/messages"))["messages"]) == 2
    assert ok(api.patch(at, json={"title": "머그컵"}))["title"] == "머그컵"
    assert ok(api.get(at))["title"] == "머그컵"
    assert [one["conversation_id"] for one in ok(api.get(CHATS))["conversations"]] == [talk]
    assert ok(api.get("/api/chat/suggestions", params={"conversation_id": talk}))["suggestions"]
    ok(api.delete(at), 204)


def own_things(api: httpx.Client, photo: bytes) -> None:
    me = "/api/user/me"
    assert ok(api.patch(me, json={"nickname": "에코", "region": "서울 마포구"}))["region"] == "seoul_mapo"
    assert ok(api.get(me))["nickname"] == "에코"
    assert ok(api.patch(f"{me}/settings", json={"on_leaderboard": True}))["on_leaderboard"]
    assert ok(api.get(f"{me}/settings"))["language"] == "ko"
    ok(api.put(f"{me}/avatar", files={"image": ("me.jpg", photo, "image/jpeg")}), 202)
    shown = eventually(lambda: ok(api.get(me))["avatar_url"])
    assert httpx.get(shown).headers["content-type"] == "image/jpeg"
    ok(api.delete(f"{me}/avatar"), 204)
    eventually(lambda: httpx.get(shown).status_code == 404)
    eventually(lambda: len(ok(api.get(f"{me}/history"))["activities"]) == 1)
    assert ok(api.get(f"{me}/statistics"))["scans"] == 1
    assert ok(api.get(f"{me}/points"))["scans"] == 1
    ok(api.get(f"{me}/points/entries"))
    assert ok(api.get(f"{me}/characters"))["owned"] == 1
    assert ok(api.get(f"{me}/characters/eco"))["owned"]
    assert ok(api.get("/api/user/leaderboard"))["period"] == "week"


def account(api: httpx.Client, walker: Person, mail: Callable[[], list[str]]) -> None:
    ok(api.post("/api/auth/verify/resend", json={"email": walker.email}), 202)
    ok(api.post("/api/auth/verify", json={"token": token_of(eventually(mail)[-1])}), 204)
    assert ok(api.get("/api/auth/me"))["verified"]
    assert ok(api.get("/api/auth/jwks.json"))["keys"]
    assert ok(api.get("/api/auth/oauth")) == {"providers": []}

    pair = ok(api.post("/api/auth/login", json={"email": walker.email, "password": PASSWORD}))
    pair = ok(api.post("/api/auth/refresh", json={"refresh_token": pair["refresh_token"]}))
    sessions = ok(api.get("/api/auth/sessions"))["sessions"]
    assert len(sessions) == 2
    ok(api.post("/api/auth/logout", json={"refresh_token": pair["refresh_token"]}), 204)
    spare = next(session for session in sessions if not session["current"])["session_id"]
    assert api.delete(f"/api/auth/sessions/{spare}").status_code in (204, 404)
    sign_in(api, walker.email, PASSWORD)
    old = next(s for s in ok(api.get("/api/auth/sessions"))["sessions"] if not s["current"])
    ok(api.delete(f"/api/auth/sessions/{old['session_id']}"), 204)

    changed, reset = "another good one 1", "a third good one 22"
    ok(api.post("/api/auth/password", json={"old": PASSWORD, "new": changed}), 204)
    ok(api.post("/api/auth/password/forgot", json={"email": walker.email}), 202)
    before = len(mail())
    letter = eventually(lambda: [text for text in mail() if "#reset=" in text])[-1]
    assert before >= 1
    ok(api.post("/api/auth/password/reset", json={"token": token_of(letter), "password": reset}), 204)
    sign_in(api, walker.email, reset)
    assert {"login", "password_reset"} & {event["event"] for event in ok(api.get("/api/auth/audit"))["events"]}
    ok(api.post("/api/auth/logout-everywhere"), 204)
    assert api.get("/api/auth/me").status_code == 401

    # The account is deleted under either address; the second is somebody else's own by then.
    sign_in(api, walker.email, reset)
    ok(api.delete("/api/user/me"), 401)  # without the password
    ok(api.request("DELETE", "/api/user/me", json={"password": reset}), 204)
    again = Person.register(str(api.base_url), *api.event_hooks["response"])
    ok(again.client.request("DELETE", "/api/auth/me", json={"password": PASSWORD}), 204)


def sign_in(api: httpx.Client, address: str, password: str) -> None:
    pair = ok(api.post("/api/auth/login", json={"email": address, "password": password}))
    api.headers["Authorization"] = f"Bearer {pair['access_token']}"
