"""Sessions: a family of refresh tokens, each good for one use (RFC 9700, 4.14).

A token presented a second time was stolen, from or by whoever used it first: the whole family ends. However a session
ends, its access tokens end with it: see `services.auth.revocations`.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from uuid6 import uuid7

from services.auth import audit
from services.auth.client import Client
from services.auth.revocations import Revocations
from services.auth.tables import RefreshToken, Session
from services.auth.words import SessionId, UserId
from services.kernel.arguments import checked, missing
from services.kernel.errors import Unauthenticated

LONGEST = 128
KEPT = timedelta(days=7)
LISTED = 100

_LIVE = Session.revoked_at.is_null()


@dataclass(frozen=True)
class Opened:
    """A session with the refresh token that is good next."""

    session_id: str
    user_id: str
    refresh_token: str


def start(user_id: object, method: str, client: Client, ttl_s: int) -> Opened:
    """A new session of somebody who has signed in by `method`."""
    now = datetime.now(UTC)
    with Session._meta.database.atomic():
        session = Session.create(
            id=uuid7(),
            user=user_id,
            method=method,
            address=client.address,
            user_agent=client.user_agent,
            created_at=now,
            expires_at=now + timedelta(seconds=ttl_s),
        )
        audit.note(user_id, "signed_in", client)
        return _issue(session, now)


def renew(token: object, client: Client, ttl_s: int, revocations: Revocations) -> Opened:
    """Trade a refresh token for its successor, which makes the session live `ttl_s` seconds more.

    Raises `Unauthenticated`: ``refresh_token_invalid`` (unknown, or its session has ended),
    ``refresh_token_expired``, ``refresh_token_reused`` (and the session has ended now).
    """
    with revocations.ending() as ended:
        outcome = _renew(_hash(token), client, ttl_s, ended)
    if isinstance(outcome, Unauthenticated):  # raised here, so that a revocation is committed
        raise outcome
    return outcome


def end(token: object, client: Client, revocations: Revocations) -> None:
    """End the session of a refresh token. An unknown token, or one whose session ended, changes nothing."""
    with revocations.ending() as ended:
        for session in _end(Session.id.in_(_session_of(_hash(token))), "logout"):
            ended.append(session.id)
            audit.note(session.user_id, "signed_out", client)


@checked
def end_one(user_id: UserId, session_id: SessionId, client: Client, revocations: Revocations) -> None:
    """End one of the user's own sessions. Raises `NotFound` ``session_not_found``."""
    with revocations.ending() as ended:
        ended += [session.id for session in _end((Session.id == session_id) & (Session.user == user_id), "ended")]
        if not ended:
            raise missing("session")
        audit.note(user_id, "session_ended", client)


@checked
def end_everywhere(user_id: UserId, client: Client, revocations: Revocations) -> None:
    """End all of the user's sessions."""
    with revocations.ending() as ended:
        ended += end_all(user_id, "logout_everywhere")
        audit.note(user_id, "signed_out_everywhere", client)


def end_all(user_id: object, reason: str, but: str | None = None) -> list[Any]:
    """End the user's sessions, except that with the id `but`; to be called inside `Revocations.ending`."""
    mine = Session.user == user_id
    return [session.id for session in _end(mine & (Session.id != but) if but else mine, reason)]


@checked
def listed(user_id: UserId, current: str | None = None) -> list[dict[str, Any]]:
    """The user's live sessions, the latest first. `current` is the id of the caller's own."""
    live = Session.select().where(_LIVE & (Session.user == user_id) & (Session.expires_at > datetime.now(UTC)))
    return [
        {
            "session_id": str(session.id),
            "method": session.method,
            "address": session.address,
            "user_agent": session.user_agent,
            "created_at": session.created_at.isoformat(),
            "renewed_at": session.renewed_at and session.renewed_at.isoformat(),
            "expires_at": session.expires_at.isoformat(),
            "current": str(session.id) == current,
        }
        for session in live.order_by(Session.created_at.desc()).limit(LISTED)
    ]


def is_fresh(user_id: str, session_id: str | None, fresh_s: float) -> bool:
    """Whether the session is live, the user's, and began at most `fresh_s` seconds ago."""
    since = datetime.now(UTC) - timedelta(seconds=fresh_s)
    mine = (Session.id == session_id) & (Session.user == user_id)
    return bool(Session.select().where(_LIVE & mine & (Session.created_at >= since)).exists())


def forget_expired() -> int:
    """Delete the sessions that ended by time `KEPT` ago; returns how many."""
    deleted: int = Session.delete().where(Session.expires_at < datetime.now(UTC) - KEPT).execute()
    return deleted


def _renew(token_hash: bytes, client: Client, ttl_s: int, ended: list[Any]) -> Opened | Unauthenticated:
    now = datetime.now(UTC)
    # The lock on the session lets one renewal at a time see its tokens.
    session = Session.select().where(Session.id.in_(_session_of(token_hash))).for_update().first()
    if session is None or session.revoked_at is not None:
        return Unauthenticated("refresh_token_invalid", "The refresh token is not valid: sign in again.")
    if session.expires_at <= now:
        return Unauthenticated("refresh_token_expired", "The refresh token has expired: sign in again.")

    unused = (RefreshToken.token_hash == token_hash) & RefreshToken.used_at.is_null()
    if not RefreshToken.update(used_at=now).where(unused).execute():
        ended += [one.id for one in _end(Session.id == session.id, "reuse")]
        audit.note(session.user_id, "refresh_token_reused", client)
        return Unauthenticated(
            "refresh_token_reused", "The refresh token was used before; the session has been ended: sign in again."
        )
    lives_on = {"expires_at": now + timedelta(seconds=ttl_s), "renewed_at": now}
    Session.update(lives_on).where(Session.id == session.id).execute()
    return _issue(session, now)


def _end(which: Any, reason: str) -> list[Any]:
    ending = Session.update(revoked_at=datetime.now(UTC), revoked_reason=reason).where(_LIVE & which)
    return list(ending.returning(Session.id, Session.user).execute())


def _issue(session: Any, now: datetime) -> Opened:
    token = secrets.token_urlsafe(32)
    RefreshToken.create(token_hash=_hash(token), session=session, issued_at=now)
    return Opened(str(session.id), str(session.user_id), token)


def _session_of(token_hash: bytes) -> object:
    return RefreshToken.select(RefreshToken.session).where(RefreshToken.token_hash == token_hash)


def _hash(token: object) -> bytes:
    if not isinstance(token, str) or len(token) > LONGEST or not token.isascii():
        token = ""
    return hashlib.sha256(token.encode()).digest()
