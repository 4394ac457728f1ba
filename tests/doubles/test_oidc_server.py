"""The stand-in for sign-in providers refuses what the real ones refuse, so that our tests can fail."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.doubles.oidc import Providers, providers
from tests.doubles.oidc_server import CLIENTS

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "https://api.example/api/auth/oauth/kakao/callback"
GOOD = {
    "client_id": "kakao-client",
    "response_type": "code",
    "redirect_uri": BACK,
    "state": "s" * 32,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Providers]:
    with providers() as running:
        yield running


def authorize(server: Providers, **changed: str) -> httpx.Response:
    return httpx.get(f"{server.url}/kakao/authorize", params={**GOOD, **changed}, trust_env=False)


def code(server: Providers) -> str:
    return parse_qs(urlsplit(authorize(server).headers["location"]).query)["code"][0]


def trade(server: Providers, provider: str = "kakao", **changed: Any) -> httpx.Response:
    client_id, secret = CLIENTS["kakao"]
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "client_secret": secret,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        **changed,
    }
    form = {name: value for name, value in form.items() if value is not None}
    return httpx.post(f"{server.url}/{provider}/token", data=form, trust_env=False)


@pytest.mark.parametrize(
    "changed",
    [
        *[{"client_id": "another"}, {"response_type": "token"}, {"state": "short"}, {"code_challenge": "short"}],
        *[{"code_challenge_method": "plain"}, {"redirect_uri": "https://evil.example/"}],
    ],
)
def test_a_wrong_request_gets_no_code(server: Providers, changed: dict[str, str]) -> None:
    assert authorize(server, **changed).status_code == 400


def test_a_right_one_gets_a_code_that_works_once(server: Providers) -> None:
    used = code(server)

    assert trade(server, code=used).json()["token_type"] == "Bearer"
    assert trade(server, code=used).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changed",
    [
        *[
            {"code_verifier": "w" * 43},
            {"code_verifier": None},
            {"redirect_uri": BACK + "/"},
            {"grant_type": "implicit"},
        ],
        *[{"client_secret": "wrong"}, {"client_id": "google-client"}, {"code": "wrong"}],
    ],
)
def test_a_code_is_traded_for_nothing_else(server: Providers, changed: dict[str, Any]) -> None:
    assert "error" in trade(server, **{"code": code(server), **changed}).json()


def test_a_code_is_of_one_provider(server: Providers) -> None:
    client_id, secret = CLIENTS["naver"]
    told = trade(server, "naver", code=code(server), client_id=client_id, client_secret=secret, state=GOOD["state"])

    assert told.json()["error"] == "invalid_grant"


def test_a_profile_is_for_its_bearer(server: Providers) -> None:
    token = trade(server, code=code(server)).json()["access_token"]

    def profile(provider: str, header: str) -> int:
        return httpx.get(
            f"{server.url}/{provider}/profile", headers={"Authorization": header}, trust_env=False
        ).status_code

    assert profile("kakao", f"Bearer {token}") == 200
    assert profile("kakao", "Bearer wrong") == profile("naver", f"Bearer {token}") == profile("kakao", token) == 401
