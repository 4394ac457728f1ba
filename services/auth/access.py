"""Access tokens: short-lived JWTs (RFC 9068) signed with Ed25519; checked as RFC 8725 asks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from uuid6 import uuid7

from services.auth.keys import Keyring
from services.kernel.arguments import UUID
from services.kernel.errors import Unauthenticated

AUDIENCE = "eco2-api"
ALGORITHM = "EdDSA"
TYPE = "at+jwt"
CLOCK_SKEW_S = 5
LONGEST = 2048


class AccessTokens:
    """Issues and verifies. Tokens live `ttl_s` seconds and name `issuer`."""

    def __init__(self, keyring: Keyring, issuer: str, ttl_s: int) -> None:
        self._keyring = keyring
        self._issuer = issuer
        self.ttl_s = ttl_s

    def issue(self, user_id: str, session_id: str) -> str:
        key = self._keyring.current()
        now = datetime.now(UTC)
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": user_id,
            "sid": session_id,
            "iat": now,
            "exp": now + timedelta(seconds=self.ttl_s),
            "jti": str(uuid7()),
        }
        return jwt.encode(claims, key.private, ALGORITHM, headers={"typ": TYPE, "kid": key.kid})

    def verify(self, token: object) -> dict[str, str]:
        """``{"user_id", "session_id", "jti", "expires_at"}``; whether it was revoked is not asked here.

        Raises `Unauthenticated` with the code ``token_expired``, or ``token_invalid`` for every other fault.
        """
        try:
            claims = self._claims(token)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("token_expired", "The access token has expired: refresh it.") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthenticated("token_invalid", "The access token is not valid.") from None
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return {
            "user_id": claims["sub"],
            "session_id": claims["sid"],
            "jti": claims["jti"],
            "expires_at": expires_at.isoformat(),
        }

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        self._keyring.current()
        return {"keys": [key.jwk() for key in self._keyring.all()]}

    def _claims(self, token: object) -> dict[str, Any]:
        if not isinstance(token, str) or len(token) > LONGEST:
            raise jwt.InvalidTokenError
        header = jwt.get_unverified_header(token)
        key = self._keyring.find(str(header.get("kid")))
        if header.get("typ") != TYPE or key is None:
            raise jwt.InvalidTokenError
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=self._issuer,
            leeway=CLOCK_SKEW_S,
            options={"require": ["iss", "aud", "sub", "sid", "iat", "exp", "jti"]},
        )
        if not all(isinstance(claims[name], str) and UUID.fullmatch(claims[name]) for name in ("sub", "sid", "jti")):
            raise jwt.InvalidTokenError
        return claims
