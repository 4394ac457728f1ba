"""Whose account it is that somebody signs in to from elsewhere."""

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from uuid6 import uuid7

from services.kernel.errors import Forbidden
from tests.services.auth.conftest import PASSWORD, registered, verified
from tests.services.auth.elsewhere import PEOPLE, Browser, google, kakao, naver
from tests.services.running import Running

Letter = Callable[..., EmailMessage]


@pytest.mark.parametrize("provider", ["google", "kakao"])
def test_a_proven_address_links_a_proven_account_whose_owner_hears_of_it(
    browser: Browser, auth: Running, user: dict[str, Any], provider: str, letter: Letter
) -> None:
    verified(auth, user)
    browser.providers.control(person=PEOPLE[provider](user["email"]))

    account = browser.sign_in(provider)

    assert account == {**user, "verified": True, "providers": [provider]}
    assert auth.call.login(user["email"], PASSWORD), "the password stays"
    assert letter(user["email"], "A new way to sign in")


@pytest.mark.parametrize("provider", ["google", "kakao"])
def test_a_proven_address_takes_over_an_account_that_nobody_proved(
    browser: Browser, auth: Running, user: dict[str, Any], provider: str, letter: Letter
) -> None:
    squatter = auth.call.login(user["email"], PASSWORD)
    auth.call.forgot_password(user["email"])
    letter(user["email"], "Set a new password")
    browser.providers.control(person=PEOPLE[provider](user["email"]))

    account = browser.sign_in(provider)

    assert account == {**user, "verified": True, "has_password": False, "providers": [provider]}
    assert auth.refuses(auth.call.login, user["email"], PASSWORD).code == "bad_credentials"
    assert auth.refuses(auth.call.verify, squatter["access_token"]).code == "token_revoked"
    assert auth.refuses(auth.call.refresh, squatter["refresh_token"]).code == "refresh_token_invalid"
    assert auth.sql("SELECT 1 FROM auth.letter_tokens WHERE user_id = %s", user["user_id"]) == []
    assert letter(user["email"], "Your account is confirmed")


@pytest.mark.parametrize(
    ("provider", "person"),
    [
        ("google", lambda email: google(email, email_verified=False)),
        ("google", lambda email: google(email, email_verified="true")),
        ("google", lambda email: google(email, email_verified=None)),
        ("kakao", lambda email: kakao(email, valid=False)),
        ("kakao", lambda email: kakao(email, proven=False)),
        ("kakao", lambda email: kakao(email, proven=1)),
        ("naver", naver),
    ],
)
@pytest.mark.parametrize("proven_here", [True, False])
def test_an_address_that_nobody_vouches_for_links_nothing(
    browser: Browser, auth: Running, user: dict[str, Any], provider: str, person: Any, proven_here: bool
) -> None:
    before = verified(auth, user) if proven_here else user
    browser.providers.control(person=person(user["email"]))

    account = browser.sign_in(provider)

    assert account["user_id"] != user["user_id"]
    assert (account["email"], account["verified"]) == (None, False)
    assert auth.call.me(user["user_id"]) == before
    assert auth.call.login(user["email"], PASSWORD)


def test_an_address_that_changed_hands_at_the_provider_opens_no_account_of_its_former_owner(
    browser: Browser, email: str
) -> None:
    browser.providers.control(person=google(email))
    former = browser.sign_in("google")
    browser.providers.control(person=google(email))

    assert browser.sign_in("google")["user_id"] != former["user_id"]


def test_one_account_may_be_somebody_at_two_providers(browser: Browser, email: str) -> None:
    browser.providers.control(person=google(email))
    first = browser.sign_in("google")
    browser.providers.control(person=kakao(email))

    assert browser.sign_in("kakao") == {**first, "providers": ["google", "kakao"]}


@pytest.mark.parametrize("name", [None, "", "   ", "이\x00름", 7, "긴" * 100, "ok"])
def test_a_strange_name_keeps_nobody_out(browser: Browser, email: str, name: object) -> None:
    browser.providers.control(person=google(email, name=name))

    assert 1 <= len(browser.sign_in("google")["name"]) <= 30


@pytest.mark.parametrize("address", [None, "", "no address", "a@b", 7, "x" * 300 + "@example.com"])
def test_a_strange_address_is_none(browser: Browser, address: object) -> None:
    browser.providers.control(person={**google("x"), "email": address})

    assert browser.sign_in("google")["email"] is None


@pytest.mark.parametrize(
    "person",
    [
        {},
        {"id": None},
        {"id": True},
        {"id": ""},
        {"id": [1]},
        {"id": "x" * 300},
        {"id": "a\x00b"},
        {"kakao_account": 7},
    ],
    ids=str,
)
def test_a_profile_without_a_user_is_refused(browser: Browser, person: dict[str, Any]) -> None:
    browser.providers.control(person=person)

    assert browser.refused("kakao").code == "oauth_refused"


def test_naver_says_in_its_own_way_that_it_failed(browser: Browser) -> None:
    browser.providers.control(person={"resultcode": "024", "message": "Authentication failed"})

    assert browser.refused("naver").code == "oauth_refused"


def test_who_has_no_password_deletes_the_account_right_after_signing_in(
    browser: Browser, auth: Running, email: str
) -> None:
    browser.providers.control(person=google(email))
    pair = browser.finish(browser.consent("google"))
    mine = auth.call.verify(pair["access_token"])
    user_id, session_id = mine["user_id"], mine["session_id"]
    auth.sql("UPDATE auth.sessions SET created_at = now() - interval '301 s' WHERE id = %s", session_id)
    stranger = registered(auth, f"other-{uuid7()}@example.com")
    theirs = auth.call.verify(auth.call.login(stranger["email"], PASSWORD)["access_token"])["session_id"]

    for stale in (session_id, theirs, None, str(uuid7())):
        problem = auth.refuses(auth.call.delete_account, user_id, stale)
        assert isinstance(problem, Forbidden)
        assert problem.code == "fresh_sign_in_needed"

    fresh = auth.call.verify(browser.finish(browser.consent("google"))["access_token"])["session_id"]
    assert auth.call.delete_account(user_id, fresh) is None
    assert auth.refuses(auth.call.me, user_id).code == "user_not_found"
    assert auth.refuses(auth.call.verify, pair["access_token"]).code == "token_revoked"
