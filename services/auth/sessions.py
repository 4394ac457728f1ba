"""Sessions: a family of refresh tokens, each good for one use (RFC 9700, 4.14).

A token presented a second time was stolen, from or by whoever used it first: the whole family ends.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from uuid6 import uuid7

from services.auth.tables import RefreshToken, Session
from services.kernel.errors import Unauthenticated

LONGEST = 128
KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Renewed:
    user_id: str
    token: str


def start(user_id: str, ttl_s: int) -> str:
    """A new session's first refresh token."""
    now = datetime.now(UTC)
    with Session._meta.database.atomic():
        session = Session.create(id=uuid7(), user=user_id, created_at=now, expires_at=now + timedelta(seconds=ttl_s))
        return _issue(session, now)


def renew(token: object, ttl_s: int) -> Renewed:
    """Trade a refresh token for its successor, which makes the session live `ttl_s` seconds more.

    Raises `Unauthenticated`: ``refresh_token_invalid`` (unknown, or its session has ended),
    ``refresh_token_expired``, ``refresh_token_reused`` (and the session has ended now).
    """
    with Session._meta.database.atomic():
        outcome = _renew(_hash(token), ttl_s, datetime.now(UTC))
    if isinstance(outcome, Unauthenticated):  # raised here, so that a revocation is committed
        raise outcome
    return outcome


def end(token: object) -> None:
    """End the session of a refresh token. An unknown token, or one whose session ended, changes nothing."""
    Session.update(revoked_at=datetime.now(UTC), revoked_reason="logout").where(
        Session.revoked_at.is_null(), Session.id.in_(_session_of(_hash(token)))
    ).execute()


def forget_expired() -> int:
    """Delete the sessions that ended by time `KEPT` ago; returns how many."""
    deleted: int = Session.delete().where(Session.expires_at < datetime.now(UTC) - KEPT).execute()
    return deleted


def _renew(token_hash: bytes, ttl_s: int, now: datetime) -> Renewed | Unauthenticated:
    # The lock on the session lets one renewal at a time see its tokens.
    session = Session.select().where(Session.id.in_(_session_of(token_hash))).for_update().first()
    if session is None or session.revoked_at is not None:
        return Unauthenticated("refresh_token_invalid", "The refresh token is not valid: sign in again.")
    if session.expires_at <= now:
        return Unauthenticated("refresh_token_expired", "The refresh token has expired: sign in again.")

    unused = (RefreshToken.token_hash == token_hash) & RefreshToken.used_at.is_null()
    if not RefreshToken.update(used_at=now).where(unused).execute():
        Session.update(revoked_at=now, revoked_reason="reuse").where(Session.id == session.id).execute()
        return Unauthenticated(
            "refresh_token_reused", "The refresh token was used before; the session has been ended: sign in again."
        )
    Session.update(expires_at=now + timedelta(seconds=ttl_s)).where(Session.id == session.id).execute()
    return Renewed(str(session.user_id), _issue(session, now))


def _issue(session: Session, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    RefreshToken.create(token_hash=_hash(token), session=session, issued_at=now)
    return token


def _session_of(token_hash: bytes) -> object:
    return RefreshToken.select(RefreshToken.session).where(RefreshToken.token_hash == token_hash)


def _hash(token: object) -> bytes:
    if not isinstance(token, str) or len(token) > LONGEST or not token.isascii():
        token = ""
    return hashlib.sha256(token.encode()).digest()
