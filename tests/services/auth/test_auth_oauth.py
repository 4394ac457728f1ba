"""Signing in elsewhere: the whole way with a strict stand-in; no mix-up, no replay."""

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.auth.providers import configured
from services.kernel import cache
from services.kernel.errors import Forbidden, NotFound, Unauthenticated, Unprocessable
from tests.services.auth.conftest import PAGES
from tests.services.auth.elsewhere import PEOPLE, Browser, google
from tests.services.running import Running

Letter = Callable[..., EmailMessage]


def test_the_configured_providers_are_offered(auth: Running) -> None:
    assert auth.call.oauth_providers() == {"providers": ["google", "kakao", "naver"]}


def test_a_provider_without_a_client_id_is_not_offered(stack: Any) -> None:
    assert configured(stack.config.oauth, "https://api.example") == {}


@pytest.mark.parametrize("provider", ["github", "", None, 7, "Google"])
def test_an_unknown_provider_is_not_found(auth: Running, provider: object) -> None:
    problem = auth.refuses(auth.call.oauth_start, provider)

    assert isinstance(problem, NotFound)
    assert problem.code == "provider_not_configured"
    assert auth.refuses(auth.call.oauth_finish, provider, "c", "s", "b").code == "provider_not_configured"


@pytest.mark.parametrize("provider", ["google", "kakao", "naver"])
def test_somebody_new_gets_an_account_and_the_same_one_next_time(browser: Browser, email: str, provider: str) -> None:
    browser.providers.control(person=PEOPLE[provider](email))

    first = browser.sign_in(provider)

    assert browser.sign_in(provider) == first
    assert first["providers"] == [provider]
    assert not first["has_password"]
    # Naver does not say whether the address is proven.
    assert (first["email"], first["verified"]) == ((None, False) if provider == "naver" else (email, True))
    assert browser.auth.sql("SELECT email FROM auth.identities WHERE user_id = %s", first["user_id"]) == [(email,)]


def test_the_sign_in_ends_at_the_page_that_was_asked_for(browser: Browser, email: str) -> None:
    browser.providers.control(person=google(email))

    assert browser.finish(browser.consent("google"))["redirect_to"] == PAGES[0]
    done = browser.finish(browser.consent("google", PAGES[1]))

    assert done["redirect_to"] == PAGES[1]
    assert set(done) == {"access_token", "token_type", "expires_in", "refresh_token", "redirect_to"}
    assert browser.auth.call.refresh(done["refresh_token"])
    assert browser.auth.call.sessions(browser.account(done)["user_id"])["sessions"][0]["method"] == "google"


@pytest.mark.parametrize(
    "page",
    [
        *["https://evil.example/", "https://growbin.app.evil.example/", "https://growbin.app/welcome/../x", ""],
        *["https://growbin.app/welcome?next=https://evil.example", "//growbin.app/", "javascript:alert(1)", 7],
        *["https://growbin.app", "http://growbin.app/", "https://growbin.app@evil.example/"],
    ],
)
def test_a_sign_in_ends_at_no_other_page(auth: Running, page: object) -> None:
    problem = auth.refuses(auth.call.oauth_start, "google", page)

    assert isinstance(problem, Unprocessable)
    assert problem.code == "return_to_refused"


@pytest.mark.parametrize("provider", ["google", "kakao", "naver"])
def test_the_provider_is_asked_with_pkce_and_sent_the_verifier(browser: Browser, email: str, provider: str) -> None:
    browser.providers.control(person=PEOPLE[provider](email))
    query = parse_qs(urlsplit(browser.auth.call.oauth_start(provider)["authorize_url"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["response_type"] == ["code"]

    browser.sign_in(provider)

    [form] = browser.providers.asked()
    assert len(form["code_verifier"]) >= 43
    assert form["redirect_uri"].endswith(f"/api/auth/oauth/{provider}/callback")


def test_every_sign_in_has_secrets_of_its_own(auth: Running) -> None:
    starts = [auth.call.oauth_start("google") for _ in range(3)]

    for name in ("state", "nonce", "code_challenge"):
        assert len({parse_qs(urlsplit(one["authorize_url"]).query)[name][0] for one in starts}) == 3
    assert len({one["browser"] for one in starts}) == 3
    assert all(one["expires_in"] == 600 for one in starts)


# State, browser, provider: no mix-up, no replay


def test_a_state_is_good_for_one_use(browser: Browser, email: str) -> None:
    browser.providers.control(person=google(email))
    back = browser.consent("google")
    browser.finish(back)

    problem = browser.auth.refuses(browser.finish, back)

    assert isinstance(problem, Unprocessable)
    assert problem.code == "oauth_state_invalid"


@pytest.mark.parametrize(
    "changed",
    [
        *[{"state": value} for value in ("", "x" * 64, None, 7, "가", "x" * 100_000)],
        *[{"browser": value} for value in ("", "x" * 43, None, 7, "가", "x" * 100_000)],
        {"provider": "kakao"},
    ],
)
def test_another_state_browser_or_provider_is_refused(browser: Browser, email: str, changed: dict[str, object]) -> None:
    browser.providers.control(person=google(email))
    back = {**browser.consent("google"), **changed}

    assert browser.auth.refuses(browser.finish, back).code == "oauth_state_invalid"
    assert browser.providers.asked() == [], "a code was sent to a provider for somebody who did not begin this"


def test_the_browser_of_another_sign_in_is_refused(browser: Browser, email: str) -> None:
    browser.providers.control(person=google(email))
    attacker, victim = browser.consent("google"), browser.consent("google")

    problem = browser.auth.refuses(browser.finish, {**attacker, "browser": victim["browser"]})

    assert problem.code == "oauth_state_invalid"


def test_a_code_of_another_sign_in_does_not_fit_the_verifier(browser: Browser, email: str) -> None:
    browser.providers.control(person=google(email))
    stolen, own = browser.consent("google"), browser.consent("google")

    problem = browser.auth.refuses(browser.finish, {**own, "code": stolen["code"]})

    assert isinstance(problem, Unauthenticated)
    assert problem.code == "oauth_refused"


@pytest.mark.parametrize("provider", ["google", "kakao", "naver"])
@pytest.mark.parametrize("code", ["nonsense", "", None, 7])
def test_a_wrong_code_is_refused(browser: Browser, provider: str, code: object) -> None:
    back = {**browser.consent(provider), "code": code}

    assert browser.auth.refuses(browser.finish, back).code == "oauth_refused"


def test_an_old_state_is_forgotten(browser: Browser, auth: Running) -> None:
    back = browser.consent("google")
    client = cache.client(auth.config)
    kept = [key for key in client.scan_iter("auth:oauth:*") if 590 < client.ttl(key) <= 600]
    assert kept
    assert not any(back["state"] in key or back["browser"] in client.get(key) for key in kept), "kept as hashes"
    for key in kept:
        client.expire(key, 0)
    client.close()

    assert auth.refuses(browser.finish, back).code == "oauth_state_invalid"


def test_who_cancels_hears_so_and_cannot_go_on(browser: Browser) -> None:
    back = {**browser.consent("google"), "error": "access_denied"}

    problem = browser.auth.refuses(browser.finish, back)

    assert isinstance(problem, Forbidden)
    assert problem.code == "oauth_denied"
    assert browser.auth.refuses(browser.finish, {**back, "error": None}).code == "oauth_state_invalid"


def test_an_answer_of_another_issuer_is_refused(browser: Browser, email: str) -> None:
    browser.providers.control(person=google(email))
    back = {**browser.consent("google"), "issuer": "https://evil.example"}

    assert browser.auth.refuses(browser.finish, back).code == "oauth_refused"
    assert browser.providers.asked() == []
