"""Every domain answers through the gateway, and its refusals leave as problems."""

import httpx
import pytest
from uuid6 import uuid7

from tests.e2e.scans import send
from tests.stack import eventually

PASSWORD = "correct horse battery"


@pytest.fixture
def account(client: httpx.Client) -> dict[str, str]:
    """A registered user's e-mail and password."""
    email = f"user-{uuid7()}@example.com"
    registered = client.post("/api/auth/register", json={"email": email, "password": PASSWORD, "name": "하늘"})
    assert registered.status_code == 201, registered.text
    return {"email": email, "password": PASSWORD}


@pytest.fixture
def signed_in(client: httpx.Client, account: dict[str, str]) -> dict[str, str]:
    tokens = client.post("/api/auth/login", json=account).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


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
    assert client.get("/api/location/search", params={"q": "예시", "open_now": "perhaps"}).status_code == 400


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
    conversation = client.post("/api/chat/conversations").json()["conversation_id"]
    at = f"/api/chat/conversations/{conversation}/messages"

    said = client.post(at, json={"message": "건전지는 어떻게 버려요?"}).json()

    assert "전지" in said["answer"]
    assert said["items"]
    assert [message["role"] for message in client.get(at).json()["messages"]] == ["user", "assistant"]
    assert client.delete(f"/api/chat/conversations/{conversation}").status_code == 204
    assert client.get(at).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/api/auth/login", "not json", 400, "json_invalid"),
        ("POST", "/api/auth/login", "[]", 400, "json_invalid"),
        ("POST", "/api/auth/login", "[" * 10_000, 400, "json_invalid"),
        ("POST", "/api/auth/login", '{"email": NaN, "password": 1}', 400, "json_invalid"),
        ("POST", "/api/auth/login", '{"email": "a@b.kr"}', 400, "fields_wrong"),
        ("POST", "/api/auth/login", '{"email": "a@b.kr", "password": "x", "admin": true}', 400, "fields_wrong"),
        ("POST", "/api/auth/login", '{"email": "a@b.kr", "password": "wrong password"}', 401, "bad_credentials"),
        ("POST", "/api/auth/register", '{"email": "a@b.kr", "password": "x", "name": "n"}', 422, "invalid_arguments"),
        ("POST", "/api/auth/login", '"' + "x" * 70_000 + '"', 413, "body_too_large"),
        ("GET", "/api/location/points?lat=91&lon=0", None, 422, "invalid_arguments"),
        ("GET", "/api/location/points?lat=nan&lon=0", None, 400, "parameter_wrong"),
        ("GET", "/api/location/points", None, 400, "parameter_wrong"),
        ("GET", "/api/location/points?lat=1&lon=1&limit=1e99", None, 422, "invalid_arguments"),
        ("GET", "/api/recycle/search", None, 400, "parameter_missing"),
        ("GET", "/api/recycle/search?q=" + "x" * 101, None, 422, "invalid_arguments"),
        ("GET", "/api/recycle/items/pizza_box/rules?situations=flying", None, 422, "unknown_situation"),
        ("GET", "/api/recycle/items/pizza_box/rules?region=atlantis", None, 422, "unknown_region"),
        ("GET", "/api/recycle/items/pizza_box?region=중구", None, 422, "ambiguous_region"),
        ("GET", "/api/recycle/suggest", None, 400, "parameter_missing"),
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
