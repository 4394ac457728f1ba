"""What providers say is checked before it is believed, and waited for only so long."""

import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest

from services.auth.providers import Begun, configured
from services.kernel.errors import Unauthenticated, Unavailable
from tests.doubles.oidc import Providers
from tests.services.auth.conftest import oauth_settings
from tests.services.auth.elsewhere import Browser, google

Letter = Callable[..., EmailMessage]


@pytest.mark.parametrize("fault", ["none", "hmac", "other_key", "unknown_kid", "no_token", "no_nonce"])
def test_a_forged_id_token_is_refused(browser: Browser, email: str, fault: str) -> None:
    browser.providers.control(person=google(email), fault=fault)

    problem = browser.refused("google")

    assert isinstance(problem, Unauthenticated)
    assert problem.code == "oauth_refused"
    assert browser.auth.sql("SELECT 1 FROM auth.users WHERE email = %s", email) == []


@pytest.mark.parametrize(
    "claims",
    [
        *[{"iss": "https://accounts.evil.example"}, {"iss": None}, {"aud": "another-client"}, {"aud": None}],
        *[{"aud": ["google-client", "another"], "azp": "another"}, {"azp": "another"}, {"nonce": "another nonce"}],
        *[{"exp": 1_600_000_000}, {"exp": None}, {"iat": None}, {"iat": 1_600_000_000}, {"iat": 4_000_000_000}],
        *[{"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": "x" * 300}, {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}],
        *[{"exp": "soon"}, {"aud": 7}, {"nbf": 4_000_000_000}],
    ],
    ids=str,
)
def test_an_id_token_with_a_wrong_claim_is_refused(browser: Browser, email: str, claims: dict[str, Any]) -> None:
    browser.providers.control(person=google(email), claims=claims)

    assert browser.refused("google").code == "oauth_refused"


def test_an_id_token_just_expired_is_refused_and_one_about_to_expire_taken(browser: Browser, email: str) -> None:
    browser.providers.control(person=google(email), claims={"exp": int(time.time()) + 30})
    assert browser.sign_in("google")
    browser.providers.control(person=google(email), claims={"exp": int(time.time()) - 30})
    assert browser.refused("google").code == "oauth_refused"


def test_a_provider_may_change_its_key(browser: Browser, email: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.auth.id_token.AGAIN_S", 0.0)
    person = google(email)
    browser.providers.control(person=person)
    before = browser.sign_in("google")
    browser.providers.control(person=person, rotate=True)

    assert browser.sign_in("google") == before


@pytest.mark.parametrize("fault", ["token_500", "token_html", "token_hang"])
def test_a_provider_that_is_down_is_unavailable_in_time(browser: Browser, email: str, fault: str) -> None:
    browser.providers.control(person=google(email), fault=fault)

    began = time.monotonic()
    problem = browser.refused("google")

    assert isinstance(problem, Unavailable)
    assert problem.code == "provider_unavailable"
    assert time.monotonic() - began < 10


def test_another_issuer_in_the_discovery_is_not_believed(stack: Any, elsewhere: Providers) -> None:
    fresh = configured(oauth_settings(stack.config.oauth, elsewhere.url), "https://api.example")["google"]
    elsewhere.control(fault="discovery_issuer")
    with pytest.raises(Unavailable):
        fresh.authorize_url(Begun("s" * 43, "v" * 43, "n" * 43))
    elsewhere.control()
