"""``/api/auth`` as clients see it: with tokens of their own, and as a page that keeps them in cookies."""

from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from services.gateway import cookies
from services.gateway.api import auth as edge
from services.gateway.service import GatewayService, Served
from tests.doubles.oidc import Providers
from tests.services.auth.conftest import PAGES, PASSWORD, letter_of, letters_of, token_in
from tests.services.auth.elsewhere import google
from tests.services.running import Running, eventually, running

NEW = "another long password"
A = "/api/auth"


class AuthEdge(GatewayService):
    edge = Served(edge.ROUTES)


@pytest.fixture(scope="module")
def gateway(auth: Running) -> Iterator[Running]:
    limits = auth.config.gateway.limits.model_copy(update={"scale": 1000.0})
    settings = auth.config.gateway.model_copy(update={"limits": limits})
    with running(AuthEdge, auth.config.model_copy(update={"gateway": settings})) as service:
        yield service


@pytest.fixture
def http(gateway: Running) -> Iterator[httpx.Client]:
    base = f"http://127.0.0.1:{gateway.config.http_port}"
    with httpx.Client(base_url=base, timeout=30, trust_env=False) as client:
        yield client


class Page:
    """A page in a browser: keeps cookies, although this server speaks no TLS, and proves that it is itself."""

    def __init__(self, http: httpx.Client) -> None:
        self.http, self.cookies = http, dict[str, str]()

    def send(self, method: str, path: str, proof: bool = True, **options: Any) -> httpx.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if proof and cookies.CSRF in self.cookies:
            headers[cookies.CSRF_HEADER] = self.cookies[cookies.CSRF]
        response = self.http.request(method, path, headers=headers, **options)
        for line in response.headers.get_list("set-cookie"):
            assert "Secure" in line
            for name, morsel in SimpleCookie(line).items():
                assert bool(morsel["httponly"]) == (name != cookies.CSRF)
                self.cookies.pop(name, None)
                if morsel.value:
                    self.cookies[name] = morsel.value
        return response


def bearer(pair: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['access_token']}"}


def refused(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


@pytest.fixture
def account(http: httpx.Client, email: str) -> dict[str, str]:
    """Registered."""
    answer = http.post(f"{A}/register", json={"email": email, "password": PASSWORD, "name": "하늘"})
    assert (answer.status_code, answer.json()) == (202, {"status": "verification_sent"})
    return {"email": email, "password": PASSWORD}


@pytest.fixture
def pair(http: httpx.Client, account: dict[str, str]) -> dict[str, Any]:
    """The tokens of `account`."""
    answer = http.post(f"{A}/login", json=account)
    assert answer.status_code == 200, answer.text
    signed_in: dict[str, Any] = answer.json()
    assert set(signed_in) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert "set-cookie" not in answer.headers
    return signed_in


def test_from_registering_to_deleting_with_tokens(
    auth: Running, http: httpx.Client, account: dict[str, str], pair: dict[str, Any]
) -> None:
    me = http.get(f"{A}/me", headers=bearer(pair)).json()
    assert (me["email"], me["verified"]) == (account["email"], False)

    proven = http.post(f"{A}/verify", json={"token": token_in(letter_of(auth.config, account["email"]))})
    assert (proven.status_code, proven.content) == (204, b"")
    assert http.get(f"{A}/me", headers=bearer(pair)).json()["verified"] is True

    changed = http.post(f"{A}/password", json={"old": PASSWORD, "new": NEW}, headers=bearer(pair))
    assert changed.status_code == 204
    events = [one["event"] for one in http.get(f"{A}/audit", headers=bearer(pair)).json()["events"]]
    assert events == ["password_changed", "email_verified", "signed_in", "registered"]
    [session] = http.get(f"{A}/sessions", headers=bearer(pair)).json()["sessions"]
    assert session["current"] is True
    assert (session["address"], "httpx" in session["user_agent"]) == ("127.0.0.1", True)

    renewed = http.post(f"{A}/refresh", json={"refresh_token": pair["refresh_token"]}).json()
    refused(
        http.request("DELETE", f"{A}/me", json={"password": PASSWORD}, headers=bearer(renewed)), 401, "bad_credentials"
    )
    gone = http.request("DELETE", f"{A}/me", json={"password": NEW}, headers=bearer(renewed))
    assert gone.status_code == 204
    refused(http.get(f"{A}/me", headers=bearer(renewed)), 401, "token_revoked")


def test_a_forgotten_password(auth: Running, http: httpx.Client, account: dict[str, str], pair: Any) -> None:
    known = http.post(f"{A}/password/forgot", json={"email": account["email"]})
    unknown = http.post(f"{A}/password/forgot", json={"email": f"no-{account['email']}"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json()) == (202, {"status": "reset_sent"})

    token = token_in(letter_of(auth.config, account["email"], "Set a new password"))
    assert http.post(f"{A}/password/reset", json={"token": token, "password": NEW}).status_code == 204
    refused(http.post(f"{A}/password/reset", json={"token": token, "password": NEW}), 422, "link_invalid")
    refused(http.get(f"{A}/me", headers=bearer(pair)), 401, "token_revoked")
    assert http.post(f"{A}/login", json={**account, "password": NEW}).status_code == 200


def test_another_letter_to_prove_the_address(auth: Running, http: httpx.Client, account: dict[str, str]) -> None:
    answer = http.post(f"{A}/verify/resend", json={"email": account["email"]})

    assert (answer.status_code, answer.json()) == (202, {"status": "verification_sent"})
    assert eventually(lambda: len(letters_of(auth.config, account["email"], "Confirm")) == 2, 20)


def test_signing_out_here_there_and_everywhere(http: httpx.Client, account: dict[str, str], pair: Any) -> None:
    other, third = (http.post(f"{A}/login", json=account).json() for _ in range(2))
    listed = http.get(f"{A}/sessions", headers=bearer(other)).json()["sessions"]
    [session_id] = [one["session_id"] for one in listed if one["current"]]

    assert http.delete(f"{A}/sessions/{session_id}", headers=bearer(pair)).status_code == 204
    refused(http.get(f"{A}/me", headers=bearer(other)), 401, "token_revoked")
    refused(http.delete(f"{A}/sessions/{session_id}", headers=bearer(pair)), 404, "session_not_found")
    assert http.post(f"{A}/logout", json={"refresh_token": third["refresh_token"]}).status_code == 204
    refused(http.get(f"{A}/me", headers=bearer(third)), 401, "token_revoked")
    assert http.post(f"{A}/logout-everywhere", headers=bearer(pair)).status_code == 204
    refused(http.post(f"{A}/refresh", json={"refresh_token": pair["refresh_token"]}), 401, "refresh_token_invalid")


def test_a_page_keeps_its_tokens_where_no_script_reads_them(http: httpx.Client, account: dict[str, str]) -> None:
    page = Page(http)
    answer = page.send("POST", f"{A}/login", json={**account, "session": "cookie"})

    assert answer.json() == {"token_type": "Bearer", "expires_in": 900, "access_token": None, "refresh_token": None}
    assert set(page.cookies) == {cookies.ACCESS, cookies.REFRESH, cookies.CSRF}
    assert page.send("GET", f"{A}/me").json()["email"] == account["email"]

    before = dict(page.cookies)
    renewed = page.send("POST", f"{A}/refresh")
    assert renewed.status_code == 200
    assert page.cookies[cookies.REFRESH] != before[cookies.REFRESH]
    assert page.cookies[cookies.REFRESH] not in renewed.text

    assert page.send("POST", f"{A}/logout").status_code == 204
    assert page.cookies == {}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/refresh", None),
        ("POST", "/logout", None),
        ("POST", "/logout-everywhere", None),
        ("POST", "/password", {"old": PASSWORD, "new": NEW}),
        ("DELETE", "/me", {"password": PASSWORD}),
    ],
)
def test_a_foreign_page_changes_nothing_with_the_cookies(
    http: httpx.Client, account: dict[str, str], method: str, path: str, body: Any
) -> None:
    page = Page(http)
    page.send("POST", f"{A}/login", json={**account, "session": "cookie"})
    before = dict(page.cookies)

    refused(page.send(method, A + path, proof=False, json=body), 403, "csrf_refused")

    assert page.cookies == before
    assert page.send("GET", f"{A}/me").status_code == 200
    assert page.send("POST", f"{A}/refresh").status_code == 200


def test_without_any_token_there_is_nothing_to_renew_or_end(http: httpx.Client) -> None:
    for path in ("/refresh", "/logout"):
        refused(http.post(A + path), 401, "token_missing")
        refused(http.post(A + path, json={"refresh_token": ""}), 422, "invalid_arguments")
    for method, path in (("GET", "/me"), ("DELETE", "/me"), ("GET", "/sessions"), ("GET", "/audit")):
        refused(http.request(method, A + path), 401, "token_missing")


def test_too_many_attempts_say_when_to_try_again(http: httpx.Client, account: dict[str, str]) -> None:
    wrong = {**account, "password": "not the password"}
    answers = [http.post(f"{A}/login", json=wrong) for _ in range(7)]

    assert [answer.status_code for answer in answers[:5]] == [401] * 5
    refused(answers[-1], 429, "too_many_attempts")
    assert int(answers[-1].headers["Retry-After"]) >= 1


BAD = [
    ("/register", {"email": "a@b.kr", "password": "short", "name": "n"}, "password"),
    ("/register", {"email": "no address", "password": PASSWORD, "name": "n"}, "email"),
    ("/register", {"email": "a@b.kr", "password": PASSWORD}, "name"),
    ("/register", {"email": "a@b.kr", "password": PASSWORD, "name": "n", "admin": True}, "admin"),
    ("/login", {"email": "a@b.kr", "password": 7}, "password"),
    ("/login", {"email": "a@b.kr", "password": PASSWORD, "session": "local"}, "session"),
    ("/verify", {"token": "x" * 129}, "token"),
    ("/verify", {}, "token"),
    ("/password/reset", {"token": "x", "password": "short"}, "password"),
    ("/password/forgot", {"email": "nobody"}, "email"),
    ("/refresh", {"refresh_token": 7}, "refresh_token"),
]


@pytest.mark.parametrize(("path", "body", "field"), BAD)
def test_what_does_not_fit_is_named(http: httpx.Client, path: str, body: Any, field: str) -> None:
    answer = http.post(A + path, json=body)

    refused(answer, 422, "invalid_arguments")
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


def test_the_keys_are_public_and_may_be_kept_for_five_minutes(http: httpx.Client, pair: Any) -> None:
    answer = http.get(f"{A}/jwks.json")

    assert answer.headers["cache-control"] == "public, max-age=300"
    for key in answer.json()["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}


# Signing in elsewhere


def test_a_browser_signs_in_elsewhere_and_comes_back_signed_in(
    http: httpx.Client, elsewhere: Providers, email: str
) -> None:
    assert http.get(f"{A}/oauth").json() == {"providers": ["google", "kakao", "naver"]}
    elsewhere.control(person=google(email))
    page = Page(http)

    begun = page.send("GET", f"{A}/oauth/google", params={"redirect_to": PAGES[1]})
    assert begun.status_code == 302
    assert set(page.cookies) == {edge.OAUTH}
    consented = urlsplit(elsewhere.visit(begun.headers["location"]).headers["location"])
    back = page.send("GET", f"{consented.path}?{consented.query}&scope=openid&authuser=0&prompt=none")

    assert (back.status_code, back.headers["location"]) == (302, PAGES[1])
    assert set(page.cookies) == {cookies.ACCESS, cookies.REFRESH, cookies.CSRF}
    assert page.send("GET", f"{A}/me").json()["email"] == email
    again = page.send("GET", f"{consented.path}?{consented.query}")
    assert again.headers["location"] == f"{PAGES[0]}#sign_in_error=oauth_state_invalid"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "oauth_state_invalid"),
        ("?code=x&state=" + "y" * 64, "oauth_state_invalid"),
        ("?error=access_denied&error_description=no", "oauth_state_invalid"),
    ],
)
def test_a_browser_that_began_nothing_ends_at_our_page_unsigned(http: httpx.Client, query: str, code: str) -> None:
    page = Page(http)
    answer = page.send("GET", f"{A}/oauth/kakao/callback{query}")

    assert (answer.status_code, answer.headers["location"]) == (302, f"{PAGES[0]}#sign_in_error={code}")
    assert page.cookies == {}


def test_who_cancelled_at_the_provider_ends_at_our_page_unsigned(http: httpx.Client, elsewhere: Providers) -> None:
    page = Page(http)
    begun = page.send("GET", f"{A}/oauth/kakao")
    state = urlsplit(elsewhere.visit(begun.headers["location"]).headers["location"]).query.split("state=")[1]

    answer = page.send("GET", f"{A}/oauth/kakao/callback?error=access_denied&state={state}")

    assert answer.headers["location"] == f"{PAGES[0]}#sign_in_error=oauth_denied"
    assert page.cookies == {}


def test_a_browser_is_sent_nowhere_else(http: httpx.Client) -> None:
    refused(http.get(f"{A}/oauth/google", params={"redirect_to": "https://evil.example/"}), 422, "return_to_refused")
    refused(http.get(f"{A}/oauth/github"), 404, "provider_not_configured")
