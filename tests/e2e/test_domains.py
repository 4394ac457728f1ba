"""Every domain answers through the gateway, and its refusals leave as problems."""

import httpx
import pytest
from httpx_sse import ServerSentEvent, connect_sse

from tests.e2e.people import PASSWORD, Person
from tests.e2e.scans import send
from tests.stack import eventually


@pytest.fixture
def account(person: Person) -> dict[str, str]:
    """A registered user's e-mail and password."""
    return {"email": person.email, "password": PASSWORD}


@pytest.fixture
def signed_in(person: Person) -> dict[str, str]:
    return person.headers


def test_a_user_registers_signs_in_refreshes_and_signs_out(client: httpx.Client, account: dict[str, str]) -> None:
    tokens = client.post("/api/auth/login", json=account).json()
    me = client.get("/api/auth/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert me.json()["email"] == account["email"]

    renewed = client.post("/api/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert renewed.status_code == 200
    left = client.post("/api/auth/logout", json={"refresh_token": renewed.json()["refresh_token"]})
    assert left.status_code == 204
    again = client.post("/api/auth/refresh", json={"refresh_token": renewed.json()["refresh_token"]})
    assert again.status_code == 401


def test_a_profile_is_made_at_registration_and_can_be_changed(client: httpx.Client, signed_in: dict[str, str]) -> None:
    changed = client.patch("/api/user/me", json={"nickname": "에코", "region": "서울 마포구"}, headers=signed_in)

    assert changed.status_code == 200, changed.text
    assert client.get("/api/user/me", headers=signed_in).json()["nickname"] == "에코"
    assert client.get("/api/user/me/points", headers=signed_in).json() == {"total": 0, "scans": 0}


def test_what_is_a_users_own_needs_a_token(client: httpx.Client) -> None:
    for path in ("/api/auth/me", "/api/user/me", "/api/user/me/history", "/api/user/me/points"):
        refused = client.get(path)
        assert (refused.status_code, refused.json()["code"]) == (401, "token_missing"), path


def test_the_nearest_collection_points_are_found(client: httpx.Client) -> None:
    found = client.get("/api/location/points", params={"lat": 37.5665, "lon": 126.978, "radius": 10_000})

    points = found.json()["points"]
    assert points
    assert all(point["sample"] for point in points)
    assert points == sorted(points, key=lambda point: point["distance_m"])
    assert client.get(f"/api/location/points/{points[0]['point_id']}").json()["name"] == points[0]["name"]


def test_places_are_on_a_map_found_by_name_and_suggested(client: httpx.Client) -> None:
    box = {"south": 37.4, "west": 126.7, "north": 37.7, "east": 127.2}

    near = client.get("/api/location/map", params={**box, "zoom": 16})
    far = client.get("/api/location/map", params={**box, "zoom": 8})
    found = client.get("/api/location/search", params={"q": "예시"})
    suggested = client.get("/api/location/suggestions", params={"q": "예시"})

    assert [reply.status_code for reply in (near, far, found, suggested)] == [200] * 4
    assert found.json()["points"]
    assert client.get("/api/location/search", params={"q": "예시", "open_now": "perhaps"}).status_code == 422


def test_the_knowledge_is_searched_and_read(client: httpx.Client) -> None:
    hits = client.get("/api/recycle/search", params={"q": "기름 묻은 피자 박스"}).json()["hits"]
    assert (hits[0]["item_id"], hits[0]["situations"]) == ("pizza_box", ["dirty"])

    clean = client.get("/api/recycle/items/pizza_box/rules").json()
    dirty = client.get("/api/recycle/items/pizza_box/rules", params={"situations": "dirty"}).json()
    assert (clean["major"], dirty["major"]) == ("recyclable", "general")
    assert len(client.get("/api/recycle/categories").json()["categories"]) == 7
    assert client.get("/api/recycle/items/no_such_thing").status_code == 404


def test_the_rules_are_those_of_a_region(client: httpx.Client) -> None:
    regions = client.get("/api/recycle/regions").json()["regions"]
    assert len([region for region in regions if region["parent"] == "seoul"]) == 25

    for region in ("seoul_jung", "서울 중구"):
        here = client.get("/api/recycle/items/snack_bag/rules", params={"situations": "dirty", "region": region}).json()
        assert (here["region"]["id"], here["major"]) == ("seoul_jung", "recyclable")
    item = client.get("/api/recycle/items/snack_bag", params={"region": "seoul"}).json()
    assert item["contact"]["phone"]


def test_a_users_scans_are_listed_judged_and_deleted(
    client: httpx.Client, signed_in: dict[str, str], coffee: bytes
) -> None:
    scan_id = send(client, coffee, **signed_in).json()["scan_id"]
    at = f"/api/waste/scans/{scan_id}"
    eventually(lambda: client.get(at, headers=signed_in).status_code == 200)

    (mine,) = client.get("/api/waste/scans", headers=signed_in).json()["scans"]
    assert (mine["scan_id"], mine["item_id"]) == (scan_id, "ceramic_cup")
    judged = client.post(f"{at}/feedback", json={"verdict": "wrong", "item_id": "paper_cup"}, headers=signed_in)
    assert judged.status_code == 200, judged.text
    assert client.post(f"{at}/feedback", json={"verdict": "right"}).status_code == 404
    assert client.delete(at).status_code == 401
    assert client.delete(at, headers=signed_in).status_code == 204
    assert client.get(at, headers=signed_in).status_code == 404
    assert client.get("/api/waste/scans", headers=signed_in).json()["scans"] == []


def test_names_are_suggested_and_frequent_questions_answered(client: httpx.Client) -> None:
    suggested = client.get("/api/recycle/suggest", params={"q": "냉자"}).json()["suggestions"]
    assert suggested[0]["item_id"] == "refrigerator"
    questions = client.get("/api/recycle/faq", params={"lang": "en"}).json()["questions"]
    assert len(questions) >= 12


def test_a_conversation_answers_from_the_knowledge(client: httpx.Client) -> None:
    conversation = client.post("/api/chat/conversations", json={}).json()["conversation_id"]
    at = f"/api/chat/conversations/{conversation}/messages"

    question = {"message": "건전지는 어떻게 버려요?"}
    with connect_sse(client, "POST", at, json=question, headers={"Accept": "text/event-stream"}) as source:
        events = list(source.iter_sse())

    told = "".join(event.json()["text"] for event in events if event.event == "token")
    answer = events[-1].json()
    assert (events[-1].event, answer["content"]) == ("completed", told)
    assert "전지" in told
    assert answer["items"]
    resumed = follow_answer(client, f"{at}/{answer['message_id']}/events", last_id=events[2].id)
    assert [event.id for event in resumed] == [event.id for event in events[3:]]
    assert [message["role"] for message in client.get(at).json()["messages"]] == ["user", "assistant"]
    assert client.delete(f"/api/chat/conversations/{conversation}").status_code == 204
    assert client.get(at).status_code == 404


def follow_answer(client: httpx.Client, path: str, last_id: str) -> list[ServerSentEvent]:
    with connect_sse(client, "GET", path, headers={"Last-Event-ID": last_id}) as source:
        return list(source.iter_sse())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/api/auth/login", "not json", 400, "json_invalid"),
        ("POST", "/api/auth/login", "[]", 400, "json_invalid"),
        ("POST", "/api/auth/login", "[" * 10_000, 400, "json_invalid"),
        ("POST", "/api/auth/login", '{"email": NaN, "password": 1}', 400, "json_invalid"),
        ("POST", "/api/auth/login", '{"email": "a@b.kr"}', 422, "invalid_arguments"),
        ("POST", "/api/auth/login", '{"email": "a@b.kr", "password": "x", "admin": true}', 422, "invalid_arguments"),
        ("POST", "/api/auth/login", '{"email": "a@b.kr", "password": "wrong password"}', 401, "bad_credentials"),
        ("POST", "/api/auth/register", '{"email": "a@b.kr", "password": "x", "name": "n"}', 422, "invalid_arguments"),
        ("POST", "/api/auth/login", '"' + "x" * 70_000 + '"', 413, "body_too_large"),
        ("GET", "/api/location/points?lat=91&lon=0", None, 422, "invalid_arguments"),
        ("GET", "/api/location/points?lat=nan&lon=0", None, 422, "invalid_arguments"),
        ("GET", "/api/location/points", None, 422, "invalid_arguments"),
        ("GET", "/api/location/points?lat=1&lon=1&limit=1e99", None, 422, "invalid_arguments"),
        ("GET", "/api/recycle/search", None, 422, "invalid_arguments"),
        ("GET", "/api/recycle/search?q=" + "x" * 101, None, 422, "invalid_arguments"),
        ("GET", "/api/recycle/items/pizza_box/rules?situations=flying", None, 422, "unknown_situation"),
        ("GET", "/api/recycle/items/pizza_box/rules?region=atlantis", None, 422, "unknown_region"),
        ("GET", "/api/recycle/items/pizza_box?region=중구", None, 422, "ambiguous_region"),
        ("GET", "/api/recycle/suggest", None, 422, "invalid_arguments"),
        ("GET", "/api/recycle/faq?lang=fr", None, 422, "invalid_arguments"),
        ("GET", "/api/waste/scans", None, 401, "token_missing"),
        ("POST", "/api/waste/scans/nothing/feedback", '{"verdict": "right"}', 404, "scan_not_found"),
        ("GET", "/api/chat/conversations/nonsense/messages", None, 404, "conversation_not_found"),
    ],
)
def test_bad_requests_are_refused_with_a_code(
    client: httpx.Client, method: str, path: str, body: str | None, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"} if body else {}

    refused = client.request(method, path, content=body, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert refused.headers["content-type"] == "application/problem+json"
