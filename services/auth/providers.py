"""Google, Kakao and Naver as OAuth 2.0 clients see them: the authorization code flow with PKCE (S256), by Authlib.

Every call to a provider is bounded by `timeout_s`, follows no redirects, and takes no password from a .netrc file.
What a provider says is checked before it is believed. Sources: https://developers.google.com/identity/openid-connect,
https://developers.kakao.com/docs/latest/en/kakaologin/rest-api, https://developers.naver.com/docs/login/api/api.md
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from requests import RequestException

from services.auth.id_token import Discovered, IdTokenInvalid, OpenId
from services.auth.identities import Somebody
from services.auth.oauth_errors import refused, unavailable
from services.kernel.config import OAuth, OAuthProvider, OpenIdProvider

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Begun:
    """What a sign-in was begun with, and must be finished with."""

    state: str
    verifier: str
    nonce: str


class Provider(Protocol):
    """One way to sign in elsewhere. Both methods raise `Unavailable` ``provider_unavailable``."""

    def authorize_url(self, begun: Begun) -> str:
        """Where the browser is sent."""

    def finish(self, code: str, begun: Begun, issuer: str | None) -> Somebody:
        """Who came back with `code`. `issuer` is who answered, where it said so (RFC 9207).

        Raises `Unauthenticated` ``oauth_refused``.
        """


class Google:
    """OpenID Connect: who signed in stands in the ID token."""

    def __init__(self, settings: OpenIdProvider, callback: str, timeout_s: float) -> None:
        self._settings, self._callback, self._timeout_s = settings, callback, timeout_s
        self._openid = OpenId(str(settings.issuer).rstrip("/"), str(settings.client_id))

    def authorize_url(self, begun: Begun) -> str:
        with self._session() as session:
            address = self._discover(session).authorize_url
            return _authorize_url(session, address, begun, nonce=begun.nonce)

    def finish(self, code: str, begun: Begun, issuer: str | None) -> Somebody:
        with self._session() as session, _as_problem("google"):
            found = self._discover(session)
            if issuer is not None and issuer != found.issuer:
                raise IdTokenInvalid("another issuer has answered")
            token = session.fetch_token(found.token_url, code=code, code_verifier=begun.verifier, allow_redirects=False)
            claims = self._openid.read(session, token, begun.nonce)
        return Somebody(
            "google",
            claims["sub"],
            _text(claims.get("email")),
            claims.get("email_verified") is True,
            _text(claims.get("name")),
        )

    def _discover(self, session: Any) -> Discovered:
        with _as_problem("google"):
            return self._openid.discover(session)

    def _session(self) -> Any:
        return _session(self._settings, self._callback, self._timeout_s, "client_secret_basic")


class _WithProfile:
    """A provider of plain OAuth 2.0, which is asked for the person's profile."""

    def __init__(self, settings: OAuthProvider, callback: str, timeout_s: float) -> None:
        self._settings, self._callback, self._timeout_s = settings, callback, timeout_s

    def authorize_url(self, begun: Begun) -> str:
        with _session(self._settings, self._callback, self._timeout_s) as session:
            return _authorize_url(session, str(self._settings.authorize_url), begun)


class Kakao(_WithProfile):
    """Vouches for an address that is both valid and verified."""

    def finish(self, code: str, begun: Begun, issuer: str | None) -> Somebody:
        with _session(self._settings, self._callback, self._timeout_s) as session, _as_problem("kakao"):
            told = _profile(session, self._settings, code, begun)
        account = _object(told.get("kakao_account"))
        proven = account.get("is_email_valid") is True and account.get("is_email_verified") is True
        name = _object(account.get("profile")).get("nickname")
        return Somebody("kakao", _subject(told.get("id")), _text(account.get("email")), proven, _text(name))


class Naver(_WithProfile):
    """Says nothing about whether the address is proven, so it vouches for none."""

    def finish(self, code: str, begun: Begun, issuer: str | None) -> Somebody:
        with _session(self._settings, self._callback, self._timeout_s) as session, _as_problem("naver"):
            # Naver wants the state at the token endpoint as well.
            told = _profile(session, self._settings, code, begun, body=f"state={begun.state}")
        if told.get("resultcode") != "00":
            raise refused()
        person = _object(told.get("response"))
        name = person.get("nickname") or person.get("name")
        return Somebody("naver", _subject(person.get("id")), _text(person.get("email")), False, _text(name))


def configured(settings: OAuth, public_url: str) -> dict[str, Provider]:
    """The providers that have a client id and secret, by name."""

    def callback(name: str) -> str:
        return f"{public_url.rstrip('/')}/api/auth/oauth/{name}/callback"

    def has_client(one: OpenIdProvider | OAuthProvider) -> bool:
        return bool(one.client_id) and one.client_secret is not None

    found: dict[str, Provider] = {}
    if has_client(settings.google):
        found["google"] = Google(settings.google, callback("google"), settings.timeout_s)
    if has_client(settings.kakao):
        found["kakao"] = Kakao(settings.kakao, callback("kakao"), settings.timeout_s)
    if has_client(settings.naver):
        found["naver"] = Naver(settings.naver, callback("naver"), settings.timeout_s)
    return found


def _session(
    settings: OpenIdProvider | OAuthProvider, callback: str, timeout_s: float, method: str = "client_secret_post"
) -> Any:
    secret = settings.client_secret
    session = OAuth2Session(
        client_id=settings.client_id,
        client_secret=secret and secret.get_secret_value(),
        token_endpoint_auth_method=method,
        scope=settings.scope or None,
        redirect_uri=callback,
        code_challenge_method="S256",
        default_timeout=timeout_s,
    )
    session.trust_env = False
    return session


def _authorize_url(session: Any, address: str, begun: Begun, **more: str) -> str:
    url, _ = session.create_authorization_url(address, state=begun.state, code_verifier=begun.verifier, **more)
    return str(url)


def _profile(session: Any, settings: OAuthProvider, code: str, begun: Begun, body: str = "") -> dict[str, Any]:
    session.fetch_token(
        str(settings.token_url), body=body, code=code, code_verifier=begun.verifier, allow_redirects=False
    )
    answer = session.get(str(settings.profile_url), allow_redirects=False)
    answer.raise_for_status()
    if answer.status_code != 200:
        raise ValueError(f"the profile came with the status {answer.status_code}")
    return _object(answer.json())


@contextmanager
def _as_problem(provider: str) -> Iterator[None]:
    """What goes wrong with a provider, without the codes and tokens that were in play."""
    try:
        yield
    except IdTokenInvalid as error:
        log.warning("%s: the ID token was refused: %s", provider, error)
        raise refused() from None
    except AuthlibBaseError as error:
        log.warning("%s refuses the sign-in: %s", provider, error.error)
        raise refused() from None
    except (RequestException, ValueError) as error:
        log.warning("%s cannot be asked: %s", provider, type(error).__name__)
        raise unavailable() from None


def _subject(told: object) -> str:
    """The user's id there: a number at Kakao, a text elsewhere. Raises `Unauthenticated` without a usable one."""
    subject = str(told) if isinstance(told, int | str) and not isinstance(told, bool) else ""
    if not (1 <= len(subject) <= 255 and subject.isprintable()):
        raise refused()
    return subject


def _text(told: object) -> str | None:
    return told if isinstance(told, str) and told else None


def _object(told: object) -> dict[str, Any]:
    return told if isinstance(told, dict) else {}
