"""The auth service: accounts and tokens over RPC."""

import ctypes
import logging
from typing import Any

from eventlet import tpool
from eventlet.semaphore import Semaphore
from nameko.events import EventDispatcher
from nameko.extensions import DependencyProvider
from nameko.rpc import rpc
from nameko.timer import timer

from services.auth import accounts, sessions, tables
from services.auth.access import AccessTokens
from services.auth.keys import Keyring
from services.auth.passwords import Passwords
from services.kernel.database import Database
from services.kernel.errors import Problem
from services.kernel.service import EcoService
from services.kernel.settings import config_of

log = logging.getLogger(__name__)

HASHES_AT_ONCE = 2
M_MMAP_THRESHOLD = -3  # <malloc.h>


class Hashing(DependencyProvider):
    """`Passwords` in native threads, few at once: each hash takes 19 MiB and a core."""

    def setup(self) -> None:
        _give_back_memory()
        turns = Semaphore(HASHES_AT_ONCE)

        def offload(*call: Any) -> Any:
            with turns:
                return tpool.execute(*call)

        self.passwords = Passwords(offload)

    def get_dependency(self, worker_ctx: Any) -> Passwords:
        return self.passwords


def _give_back_memory() -> None:
    """Have glibc return blocks of a megabyte and more when they are freed.

    By itself it learns to keep them, 19 MiB in each native thread that ever hashed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, 1 << 20)


class Tokens(DependencyProvider):
    """`AccessTokens` with the process's key ring."""

    def setup(self) -> None:
        settings = config_of(self.container).auth
        self.refresh_ttl_s = settings.refresh_ttl_s
        self.access = AccessTokens(Keyring(), settings.issuer, settings.access_ttl_s)

    def get_dependency(self, worker_ctx: Any) -> "Tokens":
        return self

    def pair(self, user_id: str, refresh_token: str) -> dict[str, Any]:
        return {
            "access_token": self.access.issue(user_id),
            "token_type": "Bearer",
            "expires_in": self.access.ttl_s,
            "refresh_token": refresh_token,
        }


class AuthService(EcoService):
    """Accounts, sign-in and tokens. Owns the schema ``auth``."""

    name = "auth"

    database = Database(tables.ALL)
    passwords = Hashing()
    tokens = Tokens()
    announce = EventDispatcher()

    @rpc(expected_exceptions=Problem)
    def register(self, email: str, password: str, name: str) -> dict[str, Any]:
        """A new account. Raises `Conflict` ``email_taken``; dispatches ``user_registered``."""
        user = accounts.register(email, password, name, self.passwords)
        try:
            accounts.announce(user, self.announce)
        except Exception:
            log.warning("user_registered will be announced later", exc_info=True)
        return accounts.as_dict(user)

    @rpc(expected_exceptions=Problem)
    def login(self, email: str, password: str) -> dict[str, Any]:
        """A pair of tokens. Raises `Unauthenticated` ``bad_credentials``."""
        user_id = str(accounts.authenticate(email, password, self.passwords).id)
        return self.tokens.pair(user_id, sessions.start(user_id, self.tokens.refresh_ttl_s))

    @rpc(expected_exceptions=Problem)
    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """A new pair of tokens for an unused refresh token. Raises `Unauthenticated`."""
        renewed = sessions.renew(refresh_token, self.tokens.refresh_ttl_s)
        return self.tokens.pair(renewed.user_id, renewed.token)

    @rpc(expected_exceptions=Problem)
    def logout(self, refresh_token: str) -> None:
        """End the session; its access token lives on until it expires."""
        sessions.end(refresh_token)

    @rpc(expected_exceptions=Problem)
    def verify(self, access_token: str) -> dict[str, str]:
        """Whose token this is. Raises `Unauthenticated` ``token_expired`` or ``token_invalid``."""
        return self.tokens.access.verify(access_token)

    @rpc(expected_exceptions=Problem)
    def jwks(self) -> dict[str, Any]:
        """The keys that verify access tokens."""
        return self.tokens.access.jwks()

    @rpc(expected_exceptions=Problem)
    def me(self, user_id: str) -> dict[str, Any]:
        """The account of a user. Raises `NotFound` ``user_not_found``."""
        return accounts.as_dict(accounts.get(user_id))

    @timer(interval=30)
    def announce_late(self) -> None:
        accounts.announce_late(self.announce)

    @timer(interval=3600)
    def forget_expired(self) -> None:
        sessions.forget_expired()
