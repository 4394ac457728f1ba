"""What the auth service is given by Nameko: its parts, built once a process from the settings."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from functools import partial
from typing import Any

import eventlet
from eventlet import tpool
from eventlet.semaphore import Semaphore
from nameko.extensions import DependencyProvider

from services.auth import letters, oauth_errors, outbox, providers
from services.auth.access import AccessTokens
from services.auth.keys import Keyring
from services.auth.mailers import MailError, mailer
from services.auth.oauth import SignInElsewhere
from services.auth.passwords import Passwords
from services.auth.revocations import Revocations
from services.auth.sessions import Opened
from services.kernel.cache import client
from services.kernel.config import Config
from services.kernel.settings import config_of

HASHES_AT_ONCE = 2
M_MMAP_THRESHOLD = -3  # <malloc.h>


class Settings(DependencyProvider):
    """The configuration of the process."""

    def get_dependency(self, worker_ctx: Any) -> Config:
        return config_of(self.container)


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
        self.access = AccessTokens(Keyring(), settings.issuer, settings.access_ttl_s)

    def get_dependency(self, worker_ctx: Any) -> "Tokens":
        return self

    def pair(self, opened: Opened) -> dict[str, Any]:
        return {
            "access_token": self.access.issue(opened.user_id, opened.session_id),
            "token_type": "Bearer",
            "expires_in": self.access.ttl_s,
            "refresh_token": opened.refresh_token,
        }


class Revoked(DependencyProvider):
    """`Revocations`, with a Redis client of its own: who waits for a scan's progress must not hold up a request."""

    def setup(self) -> None:
        settings = config_of(self.container)
        quick = min(settings.redis_timeout_s, settings.auth.revocation_lease_s / 3)
        self.redis = client(settings.model_copy(update={"redis_timeout_s": quick}))
        self.revocations = Revocations(self.redis, settings.auth.access_ttl_s, settings.auth.revocation_lease_s)

    def stop(self) -> None:
        self.redis.close()

    def get_dependency(self, worker_ctx: Any) -> Revocations:
        return self.revocations


class Post(DependencyProvider):
    """Sends the letters that are due: ``self.post()``; returns how many were sent."""

    def setup(self) -> None:
        settings = config_of(self.container)
        stationery = letters.Stationery(
            settings.mail.sender, str(settings.auth.page), settings.auth.verify_ttl_s, settings.auth.reset_ttl_s
        )
        self.mail = settings.mail
        self.mailer = mailer(settings.mail, settings.state_dir)
        self.compose = partial(letters.compose, stationery=stationery)

    def get_dependency(self, worker_ctx: Any) -> Any:
        return lambda: outbox.deliver(self.compose, self.send, self.mail)

    def send(self, message: EmailMessage) -> None:
        """As the mailer's, and never longer than three of its steps may take."""
        with eventlet.Timeout(3 * self.mail.timeout_s, MailError("the mail server takes too long")):
            self.mailer.send(message)


class Elsewhere(DependencyProvider):
    """`SignInElsewhere` within `timeout_s`: ``with self.elsewhere() as elsewhere: ...``."""

    def setup(self) -> None:
        settings = config_of(self.container)
        self.redis = client(settings)
        self.timeout_s = settings.oauth.timeout_s
        found = providers.configured(settings.oauth, str(settings.gateway.public_url))
        self.sign_in = SignInElsewhere(found, self.redis, settings.oauth)

    def stop(self) -> None:
        self.redis.close()

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.in_time

    @contextmanager
    def in_time(self) -> Iterator[SignInElsewhere]:
        with eventlet.Timeout(self.timeout_s, oauth_errors.unavailable()):
            yield self.sign_in
