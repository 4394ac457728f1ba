"""A user in a browser who signs in elsewhere, and the people whom the providers' stand-ins can tell of."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from uuid6 import uuid7

from services.kernel.errors import Problem
from tests.doubles.oidc import Providers
from tests.services.running import Running


@dataclass(frozen=True)
class Browser:
    """Goes the way of a user: begins here, consents there, comes back."""

    auth: Running
    providers: Providers

    def consent(self, provider: str, redirect_to: str | None = None) -> dict[str, Any]:
        """The arguments with which the browser comes back."""
        started = self.auth.call.oauth_start(provider, redirect_to)
        back = self.providers.visit(started["authorize_url"])
        assert back.status_code == 302, back.text
        returned = {name: value for name, [value] in parse_qs(urlsplit(back.headers["Location"]).query).items()}
        return {
            "provider": provider,
            "code": returned["code"],
            "state": returned["state"],
            "browser": started["browser"],
            "issuer": returned.get("iss"),
        }

    def finish(self, back: dict[str, Any]) -> dict[str, Any]:
        pair: dict[str, Any] = self.auth.call.oauth_finish(**back)
        return pair

    def sign_in(self, provider: str) -> dict[str, Any]:
        """The account that one is signed in to then."""
        return self.account(self.finish(self.consent(provider)))

    def account(self, pair: dict[str, Any]) -> dict[str, Any]:
        account: dict[str, Any] = self.auth.call.me(self.auth.call.verify(pair["access_token"])["user_id"])
        return account

    def refused(self, provider: str) -> Problem:
        return self.auth.refuses(self.finish, self.consent(provider))


def google(email: str, **more: Any) -> dict[str, Any]:
    return {"sub": f"g-{uuid7()}", "email": email, "email_verified": True, "name": "구글 하늘"} | more


def kakao(email: str, valid: Any = True, proven: Any = True) -> dict[str, Any]:
    account = {"email": email, "is_email_valid": valid, "is_email_verified": proven, "profile": {"nickname": "카카오"}}
    return {"id": uuid7().int % 10**12, "kakao_account": account}


def naver(email: str) -> dict[str, Any]:
    person = {"id": f"n-{uuid7()}", "email": email, "nickname": "네이버"}
    return {"resultcode": "00", "message": "success", "response": person}


PEOPLE = {"google": google, "kakao": kakao, "naver": naver}
