"""Changing the signing keys: nobody who verifies by the published keys is surprised, and nobody is signed out.

age of the current key = ttl - publish   a next key is made and published
age of the next key    = publish         it becomes the current one, which is retired
retired for `keep`                       deleted: all tokens that it signed have expired
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.auth.keys import make, state
from services.auth.tables import SigningKey
from services.kernel.config import Auth

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('auth.signing_keys', 0))"
MARGIN_S = 60.0
"""A process may sign with a key for some seconds after another has retired it."""

_CURRENT = SigningKey.activated_at.is_null(False) & SigningKey.retired_at.is_null()
_NEXT = SigningKey.activated_at.is_null()


def rotate(auth: Auth, asked: bool = False) -> None:
    """Take the steps that are due. `asked`: have a next key now, whatever the age of the current one."""
    now = datetime.now(UTC)
    with SigningKey._meta.database.atomic():
        SigningKey._meta.database.execute_sql(ONE_AT_A_TIME)
        expired = now - timedelta(seconds=auth.access_ttl_s + MARGIN_S)
        SigningKey.delete().where(SigningKey.retired_at < expired).execute()

        published = now - timedelta(seconds=auth.key_publish_s)
        if SigningKey.select().where(_NEXT & (SigningKey.created_at <= published)).exists():
            SigningKey.update(retired_at=now).where(_CURRENT).execute()
            SigningKey.update(activated_at=now).where(_NEXT).execute()

        make(active=True)
        old = now - timedelta(seconds=auth.key_ttl_s - auth.key_publish_s)
        if asked or SigningKey.select().where(_CURRENT & (SigningKey.activated_at <= old)).exists():
            make(active=False)


def ask(auth: Auth) -> list[dict[str, Any]]:
    """Publish a next key now; it signs after `key_publish_s` seconds. Returns what `listed` does."""
    rotate(auth, asked=True)
    return listed()


def replace_all() -> list[dict[str, Any]]:
    """A key has leaked: forget all of them at once and sign with a new one.

    Every access token ends, within the seconds in which the other processes notice; sessions stay. Returns what
    `listed` does.
    """
    with SigningKey._meta.database.atomic():
        SigningKey._meta.database.execute_sql(ONE_AT_A_TIME)
        SigningKey.delete().execute()
        make(active=True)
    return listed()


def listed() -> list[dict[str, Any]]:
    """Each key with its state and times, the oldest first; nothing secret."""
    return [
        {
            "kid": row.kid,
            "state": state(row),
            "created_at": row.created_at.isoformat(),
            "activated_at": row.activated_at and row.activated_at.isoformat(),
            "retired_at": row.retired_at and row.retired_at.isoformat(),
        }
        for row in SigningKey.select().order_by(SigningKey.created_at)
    ]
