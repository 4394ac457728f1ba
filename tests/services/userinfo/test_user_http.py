"""``/api/user`` over HTTP: a real gateway, userinfo and recycle; pictures through the real storage worker and store.

Auth is a stand-in that speaks its RPC: a token is a user's id, and a deleted account is told of as auth tells it.
"""

import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from nameko.containers import ServiceContainer
from nameko.events import EventDispatcher
from nameko.rpc import rpc
from PIL import Image
from uuid6 import uuid7

from services.gateway.api import user
from services.gateway.routes import ROUTES
from services.gateway.service import GatewayService, Served
from services.kernel.errors import Problem, Unauthenticated
from services.kernel.settings import nameko_config
from services.userinfo import activities
from tests.services.running import Running, eventually, free_port, running
from tests.services.userinfo.conftest import WITHIN_S, deleted, finished
from workers.storage.service import StorageWorker

PASSWORD = "long enough 1"


class StandInAuth:
    """Verifies a token that is a user's id; deletes the account of whoever knows the password."""

    name = "auth"
    announce = EventDispatcher()

    @rpc(expected_exceptions=Problem)
    def verify(self, access_token: str) -> dict[str, str]:
        if len(access_token) != 36:
            raise Unauthenticated("token_invalid", "The access token is not valid.")
        return {"user_id": access_token, "session_id": access_token, "jti": access_token, "expires_at": ""}

    @rpc(expected_exceptions=Problem)
    def delete_account(
        self, user_id: str, session_id: str | None = None, password: str | None = None, client: Any = None
    ) -> None:
        if (session_id, password) != (user_id, PASSWORD) or not client["address"]:
            raise Unauthenticated("bad_credentials", "The password is wrong.")
        self.announce("user_deleted", {"user_id": user_id})


class UserGateway(GatewayService):
    """The gateway with this domain's routes as they stand here."""

    edge = Served(tuple({(route.method, route.path): route for route in (*ROUTES, *user.ROUTES)}.values()))


@pytest.fixture(scope="module")
def gateway(userinfo: Running) -> Iterator[Running]:
    settings = userinfo.config.model_copy(update={"http_port": free_port()})
    container = ServiceContainer(StandInAuth, nameko_config(settings))
    container.start()
    with running(UserGateway, userinfo.config) as service:
        yield service
    container.stop()


@pytest.fixture
def strangers(gateway: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.config.http_port}", timeout=30) as client:
        yield client


@pytest.fixture
def mine(strangers: httpx.Client, user_id: str) -> Iterator[httpx.Client]:
    """A client of `user_id`."""
    headers = {"Authorization": f"Bearer {user_id}"}
    with httpx.Client(base_url=strangers.base_url, headers=headers, timeout=30) as client:
        yield client


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    problem: dict[str, Any] = response.json()
    return problem


def test_the_profile_and_the_settings_are_read_and_changed(mine: httpx.Client, user_id: str) -> None:
    changed = mine.patch("/api/user/me", json={"nickname": "바다", "region": "서울 마포구"})
    assert (changed.status_code, changed.json()["region"]) == (200, "seoul_mapo")
    assert mine.get("/api/user/me").json() == changed.json()

    chosen = mine.patch("/api/user/me/settings", json={"notifications": {"weekly": True}, "region": None})
    assert chosen.status_code == 200
    assert chosen.json()["notifications"] == {"results": True, "weekly": True, "news": False}
    assert chosen.json()["region"] is None
    assert mine.get("/api/user/me/settings").json() == chosen.json()


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/api/user/me", {"nickname": None}, "invalid_arguments"),
        ("/api/user/me", {"points": 1}, "invalid_arguments"),
        ("/api/user/me", {"region": "아틀란티스"}, "unknown_region"),
        ("/api/user/me/settings", {"on_leaderboard": "true"}, "invalid_arguments"),
        ("/api/user/me/settings", {"notifications": {"sms": True}}, "invalid_arguments"),
        ("/api/user/me/settings", {"region": "중구"}, "ambiguous_region"),
    ],
)
def test_a_change_that_cannot_be_is_refused(mine: httpx.Client, path: str, body: dict[str, Any], code: str) -> None:
    before = mine.get(path).json()

    refused(mine.patch(path, json=body), 422, code)

    assert mine.get(path).json() == before


def test_what_was_scanned_is_told(mine: httpx.Client, user_id: str, database: Any) -> None:
    scans = [finished(user_id), finished(user_id, kind="metal", item_id="steel_can")]
    for scan in scans:
        activities.record(scan)
    activities.forget(deleted(scans[0]))

    assert mine.get("/api/user/me/points").json() == {"total": 10, "scans": 1}
    page = mine.get("/api/user/me/points/entries", params={"limit": 2}).json()
    assert [entry["points"] for entry in page["entries"]] == [-10, 10]
    rest = mine.get("/api/user/me/points/entries", params={"before": page["next"]}).json()
    assert [entry["points"] for entry in rest["entries"]] == [10]
    assert [one["item_id"] for one in mine.get("/api/user/me/history").json()["activities"]] == ["steel_can"]
    statistics = mine.get("/api/user/me/statistics").json()
    assert (statistics["scans"], statistics["by_kind"][0]["kind"]) == (1, "metal")
    assert statistics["savings"]["sources"][0]["url"].startswith("https://www.epa.gov/")
    assert mine.get("/api/user/me/characters").json()["owned"] == 3
    assert mine.get("/api/user/me/characters/canny").json()["owned"] is True


def test_the_leaderboard_is_for_everybody_and_ones_own_rank_for_oneself(
    mine: httpx.Client, strangers: httpx.Client, user_id: str, database: Any
) -> None:
    activities.record(finished(user_id))
    mine.patch("/api/user/me/settings", json={"on_leaderboard": True})

    seen = strangers.get("/api/user/leaderboard", params={"period": "all", "limit": 100}).json()
    assert seen["me"] is None
    assert user_id not in str(seen)
    assert mine.get("/api/user/leaderboard").json()["me"]["points"] == 10


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/api/user/me/history?limit=101", 422, "invalid_arguments"),
        ("/api/user/me/history?page=2", 422, "invalid_arguments"),
        (f"/api/user/me/history?before={uuid7()}", 404, "activity_not_found"),
        (f"/api/user/me/points/entries?before={uuid7()}.scan_deleted", 404, "entry_not_found"),
        ("/api/user/me/statistics?since=2026-02-30", 422, "invalid_arguments"),
        ("/api/user/me/statistics?since=2026-02-02&until=2026-02-01", 422, "period_invalid"),
        ("/api/user/me/characters/nobody", 404, "character_not_found"),
        ("/api/user/leaderboard?period=month", 422, "invalid_arguments"),
    ],
)
def test_a_question_that_cannot_be_is_refused(mine: httpx.Client, address: str, status: int, code: str) -> None:
    refused(mine.get(address), status, code)


def test_nothing_of_a_users_is_told_without_a_token(strangers: httpx.Client) -> None:
    for route in user.ROUTES:
        if route.auth == "user":
            path = route.path.replace("<code>", "eco")
            refused(strangers.request(route.method, path), 401, "token_missing")


def test_a_user_without_a_profile_is_not_found(strangers: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {uuid7()}"}

    for method, path in (("GET", ""), ("GET", "/settings"), ("DELETE", "/avatar")):
        refused(strangers.request(method, f"/api/user/me{path}", headers=headers), 404, "profile_not_found")
    sent = strangers.put("/api/user/me/avatar", files={"image": picture(64, 64)}, headers=headers)
    refused(sent, 404, "profile_not_found")


def test_a_picture_is_cut_to_a_square_shown_and_removed(
    mine: httpx.Client, userinfo: Running, user_id: str, tmp_path: Any, purged: None
) -> None:
    with running(StorageWorker, userinfo.config.model_copy(update={"state_dir": tmp_path})):
        sent = mine.put("/api/user/me/avatar", files={"image": ("me.png", picture(900, 700), "image/png")})
        assert (sent.status_code, sent.json(), sent.headers["location"]) == (202, {"status": "processing"}, user.ME)

        url = eventually(lambda: mine.get("/api/user/me").json()["avatar_url"], WITHIN_S)
        fetched = httpx.get(url)
        with Image.open(io.BytesIO(fetched.content)) as image:
            assert (image.format, image.size) == ("JPEG", (512, 512))
            assert not image.getexif()

        assert mine.delete("/api/user/me/avatar").status_code == 204
        assert mine.get("/api/user/me").json()["avatar_url"] is None
        eventually(lambda: httpx.get(url).status_code == 404, WITHIN_S)


@pytest.fixture
def purged(userinfo: Running, put: Any) -> None:
    """No task of another test waits for the storage worker."""


@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        (("me.txt", b"no picture", "text/plain"), 415, "not_an_image"),
        (("me.png", b"", "image/png"), 400, "image_empty"),
        (("me.png", picture(8, 8), "image/png"), 422, "image_too_small"),
        (("me.jpg", picture(64, 64), "image/jpeg"), 415, "image_type_mismatch"),
    ],
)
def test_what_is_no_picture_is_refused_and_nothing_is_stored(
    mine: httpx.Client, put: Any, file: tuple[str, bytes, str], status: int, code: str
) -> None:
    refused(mine.put("/api/user/me/avatar", files={"image": file}), status, code)

    assert put.take() == []


def test_an_account_is_deleted_with_all_that_is_its(
    mine: httpx.Client, userinfo: Running, user_id: str, database: Any
) -> None:
    activities.record(finished(user_id))
    refused(mine.request("DELETE", "/api/user/me", json={"password": "wrong"}), 401, "bad_credentials")
    refused(mine.request("DELETE", "/api/user/me", json={"pasword": PASSWORD}), 422, "invalid_arguments")
    assert mine.get("/api/user/me").status_code == 200

    gone = mine.request("DELETE", "/api/user/me", json={"password": PASSWORD})

    assert (gone.status_code, gone.content) == (204, b"")
    eventually(lambda: mine.get("/api/user/me").status_code == 404, WITHIN_S)
    assert mine.get("/api/user/me/points").json() == {"total": 0, "scans": 0}
