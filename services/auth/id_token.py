"""ID tokens of OpenID Connect, checked as its Core 1.0, 3.1.3.7, and RFC 8725 ask."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ["RS256", "ES256"]
CLOCK_SKEW_S = 10
OLDEST_S = 3600
KEPT_S = 3600.0
"""How long the provider's addresses and keys are kept."""
AGAIN_S = 30.0
"""An unknown key makes us ask for the keys again, but not more often than this."""
LONGEST = 16_384


class IdTokenInvalid(Exception):
    """The text says why, for the log; the user hears only that it was refused."""


@dataclass(frozen=True)
class Discovered:
    """What the provider publishes of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorize_url: str
    token_url: str
    keys_url: str


class OpenId:
    """One provider, known by `issuer`, and us, known to it as `client_id`."""

    def __init__(self, issuer: str, client_id: str) -> None:
        self._issuer, self._client_id = issuer, client_id
        self._discovered: tuple[float, Discovered] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def discover(self, session: Any) -> Discovered:
        """The provider's addresses. Raises `ValueError` when it publishes something else than it should."""
        if self._discovered and time.monotonic() - self._discovered[0] < KEPT_S:
            return self._discovered[1]
        told = _json(session, f"{self._issuer}/.well-known/openid-configuration")
        names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        found = Discovered(*(str(told.get(name)) for name in names))
        if found.issuer != self._issuer:
            raise ValueError("the discovered issuer is another one")
        # A provider that is reached by TLS must not lead us away from it.
        scheme = urlsplit(self._issuer).scheme
        if any(
            urlsplit(url).scheme not in ("https", scheme)
            for url in (found.authorize_url, found.token_url, found.keys_url)
        ):
            raise ValueError("a discovered address is not safe")
        self._discovered = (time.monotonic(), found)
        return found

    def read(self, session: Any, token: Any, nonce: str) -> dict[str, Any]:
        """The claims of the ID token in a token response. Raises `IdTokenInvalid`, or as `discover`."""
        text = token.get("id_token")
        if not isinstance(text, str) or len(text) > LONGEST:
            raise IdTokenInvalid("there is none, or it is too long")
        try:
            decoded = self._decode(session, text)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self._issuer},
                    "aud": {"essential": True, "value": self._client_id},
                    "exp": {"essential": True},
                    "iat": {"essential": True},
                },
                params={"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
            )
            claims.validate(leeway=CLOCK_SKEW_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise IdTokenInvalid(f"{type(error).__name__}: {error}") from None
        subject, issued_at = claims.get("sub"), claims["iat"]
        if not (isinstance(subject, str) and 1 <= len(subject) <= 255 and subject.isprintable()):
            raise IdTokenInvalid("there is no subject")
        if time.time() - issued_at > OLDEST_S:
            raise IdTokenInvalid("it was issued long ago")
        return dict(claims)

    def _decode(self, session: Any, text: str) -> jwt.Token:
        try:
            return jwt.decode(text, self._key_set(session, KEPT_S), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # Of a key that is newer than our copy, perhaps.
            return jwt.decode(text, self._key_set(session, AGAIN_S), algorithms=ALGORITHMS)

    def _key_set(self, session: Any, oldest_s: float) -> KeySet:
        if self._keys and time.monotonic() - self._keys[0] < oldest_s:
            return self._keys[1]
        told = _json(session, self.discover(session).keys_url)
        keys = [key for key in told.get("keys", []) if isinstance(key, dict) and key.get("use", "sig") == "sig"]
        found = KeySet.import_key_set({"keys": [key for key in keys if key.get("kty") in ("RSA", "EC")]})
        self._keys = (time.monotonic(), found)
        return found


def _json(session: Any, url: str) -> dict[str, Any]:
    answer = session.get(url, withhold_token=True, allow_redirects=False)
    answer.raise_for_status()
    told = answer.json() if answer.status_code == 200 else None
    if not isinstance(told, dict):
        raise ValueError("no JSON object came")
    return told
