"""The auth service: accounts, sign-in, tokens and sessions over RPC.

`client` is who is at the other end, ``{"address", "user_agent"}``, as the gateway tells it; it may be left out.
"""

import logging
from typing import Any

import redis
from nameko.events import EventDispatcher
from nameko.rpc import rpc
from nameko.timer import timer

from services.auth import (
    accounts,
    announcements,
    audit,
    identities,
    letter_tokens,
    metrics,
    outbox,
    recovery,
    revocations,
    rotation,
    sessions,
    sign_in,
    tables,
    throttle,
)
from services.auth.client import Client
from services.auth.dependencies import Elsewhere, Hashing, Post, Revoked, Settings, Tokens
from services.kernel.database import Database
from services.kernel.errors import Problem, Unauthenticated
from services.kernel.service import EcoService

log = logging.getLogger(__name__)

Told = dict[str, Any] | None


class AuthService(EcoService):
    """Accounts, sign-in and tokens. Owns the schema ``auth``."""

    name = "auth"

    settings = Settings()
    database = Database(tables.ALL)
    passwords = Hashing()
    tokens = Tokens()
    revoked = Revoked()
    post = Post()
    elsewhere = Elsewhere()
    announce = EventDispatcher()

    # Accounts

    @rpc(expected_exceptions=Problem)
    def register(self, email: str, password: str, name: str, client: Told = None) -> dict[str, Any]:
        """The same answer for every address: `services.auth.accounts`. ``user_registered`` follows."""
        accounts.register(email, password, name, Client.read(client), self.passwords, self.settings.mail)
        return {"status": "verification_sent"}

    @rpc(expected_exceptions=Problem)
    def verify_email(self, token: str, client: Told = None) -> None:
        """Raises `Unprocessable` ``link_invalid``."""
        recovery.verify_email(token, Client.read(client))

    @rpc(expected_exceptions=Problem)
    def resend_verification(self, email: str) -> dict[str, Any]:
        """The same answer for every address."""
        recovery.request_letter("verify", email, self.settings.mail)
        return {"status": "verification_sent"}

    @rpc(expected_exceptions=Problem)
    def me(self, user_id: str) -> dict[str, Any]:
        """The account of a user. Raises `NotFound` ``user_not_found``."""
        return accounts.as_dict(accounts.get(user_id))

    @rpc(expected_exceptions=Problem)
    def audit(self, user_id: str, limit: int = 50) -> dict[str, Any]:
        """``{"events": [{"event", "at", "address", "user_agent"}]}`` of the account, the latest first."""
        return {"events": audit.events(user_id, limit)}

    @rpc(expected_exceptions=Problem)
    def delete_account(
        self, user_id: str, session_id: str | None = None, password: str | None = None, client: Told = None
    ) -> None:
        """See `services.auth.accounts.delete`. ``user_deleted`` follows."""
        settings, who = self.settings, Client.read(client)
        accounts.delete(user_id, session_id, password, who, self.passwords, self.revoked, settings.auth, settings.mail)

    # Passwords

    @rpc(expected_exceptions=Problem)
    def forgot_password(self, email: str) -> dict[str, Any]:
        """The same answer for every address."""
        recovery.request_letter("reset", email, self.settings.mail)
        return {"status": "reset_sent"}

    @rpc(expected_exceptions=Problem)
    def reset_password(self, token: str, password: str, client: Told = None) -> None:
        """Ends all sessions. Raises `Unprocessable` ``link_invalid``."""
        who = Client.read(client)
        recovery.reset_password(token, password, who, self.passwords, self.revoked, self.settings.mail)

    @rpc(expected_exceptions=Problem)
    def change_password(
        self, user_id: str, old: str, new: str, session_id: str | None = None, client: Told = None
    ) -> None:
        """Ends all sessions but `session_id`. Raises `Unauthenticated` ``bad_credentials``, `Forbidden`."""
        settings, who = self.settings, Client.read(client)
        limits = settings.auth.sign_in
        recovery.change_password(
            user_id, old, new, session_id, who, self.passwords, self.revoked, limits, settings.mail
        )

    # Sessions and tokens

    @rpc(expected_exceptions=Problem)
    def login(self, email: str, password: str, client: Told = None) -> dict[str, Any]:
        """A pair of tokens. Raises `Unauthenticated` ``bad_credentials``, `TooManyRequests` ``too_many_attempts``."""
        settings, who = self.settings.auth, Client.read(client)
        with metrics.signing_in("password"):
            user = sign_in.authenticate(email, password, who, self.passwords, settings.sign_in)
            return self.tokens.pair(sessions.start(user.id, "password", who, settings.refresh_ttl_s))

    @rpc(expected_exceptions=Problem)
    def refresh(self, refresh_token: str, client: Told = None) -> dict[str, Any]:
        """A new pair of tokens for an unused refresh token. Raises `Unauthenticated`."""
        ttl_s = self.settings.auth.refresh_ttl_s
        return self.tokens.pair(sessions.renew(refresh_token, Client.read(client), ttl_s, self.revoked))

    @rpc(expected_exceptions=Problem)
    def logout(self, refresh_token: str, client: Told = None) -> None:
        """End the session of a refresh token, with its access tokens."""
        sessions.end(refresh_token, Client.read(client), self.revoked)

    @rpc(expected_exceptions=Problem)
    def logout_everywhere(self, user_id: str, client: Told = None) -> None:
        """End all sessions of the user."""
        sessions.end_everywhere(user_id, Client.read(client), self.revoked)

    @rpc(expected_exceptions=Problem)
    def sessions(self, user_id: str, current: str | None = None) -> dict[str, Any]:
        """``{"sessions": [...]}``, the latest first: `services.auth.sessions.listed`."""
        return {"sessions": sessions.listed(user_id, current)}

    @rpc(expected_exceptions=Problem)
    def end_session(self, user_id: str, session_id: str, client: Told = None) -> None:
        """Raises `NotFound` ``session_not_found``."""
        sessions.end_one(user_id, session_id, Client.read(client), self.revoked)

    @rpc(expected_exceptions=Problem)
    def verify(self, access_token: str) -> dict[str, str]:
        """``{"user_id", "session_id", "jti", "expires_at"}``.

        Raises `Unauthenticated` ``token_expired``, ``token_invalid``, ``token_revoked``, and `Unavailable`.
        """
        verified = self.tokens.access.verify(access_token)
        if self.revoked.hold((verified["session_id"], verified["jti"])):
            raise Unauthenticated("token_revoked", "The access token was revoked: sign in again.")
        return verified

    @rpc(expected_exceptions=Problem)
    def revoke(self, access_token: str) -> None:
        """End this access token alone; its session goes on. A token that is not valid changes nothing."""
        revocations.revoke(access_token, self.tokens.access, self.revoked)

    @rpc(expected_exceptions=Problem)
    def jwks(self) -> dict[str, Any]:
        """The keys that verify access tokens."""
        return self.tokens.access.jwks()

    @rpc(expected_exceptions=Problem)
    def rotate_keys(self, leaked: bool = False) -> dict[str, Any]:
        """Have another key sign as soon as it was published long enough; `leaked`: at once, and forget all others.

        ``{"keys": [{"kid", "state", "created_at", "activated_at", "retired_at"}]}``. For operators.
        """
        return {"keys": rotation.replace_all() if leaked is True else rotation.ask(self.settings.auth)}

    # Signing in elsewhere

    @rpc(expected_exceptions=Problem)
    def oauth_providers(self) -> dict[str, Any]:
        """``{"providers": [...]}``: those that are configured."""
        with self.elsewhere() as elsewhere:
            return {"providers": elsewhere.offered()}

    @rpc(expected_exceptions=Problem)
    def oauth_start(self, provider: str, redirect_to: str | None = None) -> dict[str, Any]:
        """``{"authorize_url", "state", "browser", "expires_in"}``: `services.auth.oauth`."""
        with self.elsewhere() as elsewhere:
            started: dict[str, Any] = elsewhere.start(provider, redirect_to)
            return started

    @rpc(expected_exceptions=Problem)
    def oauth_finish(
        self,
        provider: str,
        code: str | None,
        state: str,
        browser: str,
        error: str | None = None,
        issuer: str | None = None,
        client: Told = None,
    ) -> dict[str, Any]:
        """A pair of tokens and ``redirect_to``; see `services.auth.oauth.SignInElsewhere.finish` for what it raises."""
        settings, client_ = self.settings, Client.read(client)
        with metrics.signing_in(provider):
            with self.elsewhere() as elsewhere:
                done = elsewhere.finish(provider, code, state, browser, error, issuer)
            user = identities.account_of(done.who, client_, self.revoked, settings.mail)
            opened = sessions.start(user.id, done.who.provider, client_, settings.auth.refresh_ttl_s)
            return {**self.tokens.pair(opened), "redirect_to": done.return_to}

    # What runs by itself

    @timer(interval=1)
    def tell_announcements(self) -> None:
        announcements.tell_waiting(self.announce)

    @timer(interval=1)
    def send_letters(self) -> None:
        self.post()

    @timer(interval=1)
    def reconcile_revocations(self) -> None:
        try:
            self.revoked.reconcile()
        except redis.RedisError as error:
            log.warning("Redis cannot vouch for the revocations, PostgreSQL is asked instead: %s", error)

    @timer(interval=30)
    def rotate_due_keys(self) -> None:
        rotation.rotate(self.settings.auth)

    @timer(interval=3600)
    def forget_expired(self) -> None:
        sessions.forget_expired()
        revocations.forget_expired()
        letter_tokens.forget_expired()
        outbox.forget_old()
        throttle.forget_old(self.settings.auth.sign_in.forget_s)
        audit.forget_old(self.settings.auth.audit_s)
