"""What the service answers over RPC is what the gateway declares: no field more, none less, nothing bent to fit."""

from collections.abc import Callable
from typing import Any

import pytest
from nameko.testing.services import entrypoint_hook

from services.gateway.api import auth as edge
from services.gateway.shapes import Answer
from tests.doubles.oidc import Providers
from tests.services.auth.conftest import PASSWORD, somewhere
from tests.services.auth.elsewhere import Browser, google
from tests.services.running import Running

Call = Callable[..., Any]

ANSWERS: dict[str, tuple[type[Answer], Callable[[dict[str, Any], dict[str, Any]], tuple[Any, ...]]]] = {
    "register": (edge.Sent, lambda user, pair: (f"new-{user['email']}", PASSWORD, "하늘", somewhere())),
    "resend_verification": (edge.Sent, lambda user, pair: (user["email"],)),
    "forgot_password": (edge.Sent, lambda user, pair: (user["email"],)),
    "login": (edge.Tokens, lambda user, pair: (user["email"], PASSWORD, somewhere())),
    "refresh": (edge.Tokens, lambda user, pair: (pair["refresh_token"], somewhere())),
    "me": (edge.Account, lambda user, pair: (user["user_id"],)),
    "sessions": (edge.Sessions, lambda user, pair: (user["user_id"], None)),
    "audit": (edge.Events, lambda user, pair: (user["user_id"], 50)),
    "jwks": (edge.Keys, lambda user, pair: ()),
    "oauth_providers": (edge.Providers, lambda user, pair: ()),
}
NOTHING = {
    "logout": lambda user, pair: (pair["refresh_token"], somewhere()),
    "logout_everywhere": lambda user, pair: (user["user_id"], somewhere()),
    "change_password": lambda user, pair: (user["user_id"], PASSWORD, "another long password", None, somewhere()),
    "delete_account": lambda user, pair: (user["user_id"], None, PASSWORD, somewhere()),
    "revoke": lambda user, pair: (pair["access_token"],),
}


def call(auth: Running, method: str, *arguments: Any) -> Any:
    with entrypoint_hook(auth.container, method) as entrypoint:
        return entrypoint(*arguments)


@pytest.mark.parametrize("method", ANSWERS)
def test_an_answer_fits_its_model_exactly(
    auth: Running, user: dict[str, Any], tokens: dict[str, Any], method: str
) -> None:
    model, arguments = ANSWERS[method]

    result = call(auth, method, *arguments(user, tokens))

    assert model.model_validate(result, strict=True).model_dump(mode="json") == result
    if method in ("sessions", "audit"):
        [listed] = result.values()
        assert listed, "an empty list fits every model"


@pytest.mark.parametrize("method", NOTHING)
def test_what_has_no_answer_answers_nothing(
    auth: Running, user: dict[str, Any], tokens: dict[str, Any], method: str
) -> None:
    assert call(auth, method, *NOTHING[method](user, tokens)) is None


def test_somebody_from_elsewhere_fits_the_models_too(auth: Running, elsewhere: Providers, email: str) -> None:
    elsewhere.control(person={**google(email), "email_verified": False})
    browser = Browser(auth, elsewhere)
    done = call(auth, "oauth_finish", *(list(browser.consent("google").values())[:4]))
    elsewhere.control()

    assert done.pop("redirect_to")
    assert edge.Tokens.model_validate(done, strict=True).model_dump() == done
    account = browser.account(done)
    assert account["email"] is None
    for method, model in (("me", edge.Account), ("sessions", edge.Sessions)):
        result = call(auth, method, account["user_id"])
        assert model.model_validate(result, strict=True).model_dump(mode="json") == result


def test_who_verifies_hears_exactly_this(auth: Running, tokens: dict[str, Any]) -> None:
    assert set(call(auth, "verify", tokens["access_token"])) == {"user_id", "session_id", "jti", "expires_at"}
