"""A sign-in elsewhere, from the button to the tokens: begun here, remembered in Redis, finished once.

    start   state, PKCE verifier and nonce are made and kept under the state's hash for `state_s` seconds; the browser
            gets a secret of its own (a cookie) and is sent to the provider
    finish  the state is taken out (so it works once), and must be of this provider and this browser; the code is
            traded for who it is

The pages that a sign-in may end at are the configured ones, compared whole: nobody is sent elsewhere with it.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Any

import redis

from services.auth import oauth_errors as errors
from services.auth.identities import Somebody
from services.auth.providers import Begun, Provider
from services.kernel.config import OAuth
from services.kernel.errors import Unprocessable

LONGEST = 4096


@dataclass(frozen=True)
class Finished:
    """Who has signed in, and the page that the browser is to be sent to."""

    who: Somebody
    return_to: str


class SignInElsewhere:
    """Through `providers`, by name; `cache` remembers what was begun. Raises `redis.RedisError` when it cannot."""

    def __init__(self, providers: dict[str, Provider], cache: redis.Redis, settings: OAuth) -> None:
        self._providers, self._cache = providers, cache
        self._state_s = settings.state_s
        self._pages = [str(page) for page in settings.return_to]

    def offered(self) -> list[str]:
        return sorted(self._providers)

    def start(self, name: object, return_to: object = None) -> dict[str, Any]:
        """``{"authorize_url", "state", "browser", "expires_in"}``; `browser` is for a cookie of that browser alone.

        Raises `NotFound` ``provider_not_configured``, `Unprocessable` ``return_to_refused``, `Unavailable`.
        """
        provider = self._provider(name)
        page = self._pages[0] if return_to is None else return_to
        if page not in self._pages:
            raise Unprocessable(
                "return_to_refused",
                "A sign-in cannot end at this page.",
                [{"field": "redirect_to", "message": "is none of the pages that are allowed"}],
            )
        begun = Begun(*(secrets.token_urlsafe(48) for _ in range(3)))
        browser = secrets.token_urlsafe(32)
        url = provider.authorize_url(begun)
        kept = {
            "provider": name,
            "verifier": begun.verifier,
            "nonce": begun.nonce,
            "page": page,
            "browser": _hash(browser),
        }
        self._cache.set(_key(begun.state), json.dumps(kept), ex=self._state_s)
        return {"authorize_url": url, "state": begun.state, "browser": browser, "expires_in": self._state_s}

    def finish(
        self, name: object, code: object, state: object, browser: object, error: object, issuer: object
    ) -> Finished:
        """Raises as `start`, and `Unprocessable` ``oauth_state_invalid``, `Forbidden` ``oauth_denied``,
        `Unauthenticated` ``oauth_refused``."""
        provider = self._provider(name)
        if not (_fits(state) and _fits(browser)):
            raise errors.state_invalid()
        told: Any = self._cache.getdel(_key(str(state)))
        kept = json.loads(told) if told else {}
        if kept.get("provider") != name or not hmac.compare_digest(kept["browser"], _hash(str(browser))):
            raise errors.state_invalid()
        if error is not None:
            raise errors.denied() if error == "access_denied" else errors.refused()
        if not _fits(code):
            raise errors.refused()
        begun = Begun(str(state), kept["verifier"], kept["nonce"])
        return Finished(provider.finish(str(code), begun, str(issuer) if _fits(issuer) else None), kept["page"])

    def _provider(self, name: object) -> Provider:
        provider = self._providers.get(name) if isinstance(name, str) else None
        if provider is None:
            raise errors.not_configured()
        return provider


def _fits(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= LONGEST and text.isascii() and text.isprintable()


def _key(state: str) -> str:
    return f"auth:oauth:{_hash(state)}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
