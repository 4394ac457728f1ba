"""Guessing passwords is slow, and nobody can use that to lock somebody else out.

Two counts of failures stand in the way of a sign-in, each with a delay that doubles with every failure:

    (account, place)    a few failures are free, then 2, 4, 8 ... seconds. Others' failures do not count here.
    (account, anywhere) counts only the places that never signed in to the account; many failures are free, and the
                        longest delay is short. The owner's own places do not feel it.

An owner in a new place, while somebody guesses from everywhere, sets a new password by a letter: that makes the place
known. A failure is counted before the password is looked at, so that guesses at the same moment count as well, and
the count goes when the password was right. Unknown addresses are counted as known ones are, by hashes.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.auth.client import Client
from services.auth.tables import Attempt, KnownPlace, User
from services.kernel.config import SignIn
from services.kernel.errors import TooManyRequests

RESERVE = Path(__file__).with_name("reserve_attempt.sql").read_text(encoding="utf-8")
WAIT = Path(__file__).with_name("attempt_wait.sql").read_text(encoding="utf-8")
ANYWHERE = b""
KNOWN_FOR = timedelta(days=400)


@dataclass(frozen=True)
class Attempted:
    """A sign-in that was let through to the comparing of passwords: of whom, from where."""

    account: bytes
    user: User | None
    place: bytes
    known: bool


def reserve(email: str, user: User | None, client: Client, limits: SignIn) -> Attempted:
    """Count one more failure of `email`, to be taken back by `succeeded`. Raises `TooManyRequests`."""
    account = hashlib.sha256(email.encode(errors="replace")).digest()
    attempted = Attempted(account, user, client.place, _is_known(user, client.place))
    with Attempt._meta.database.atomic():
        _count(account, attempted.place, limits.free_failures, limits.longest_delay_s, limits.forget_s)
        if not attempted.known:
            free, longest = limits.free_failures_anywhere, limits.longest_delay_anywhere_s
            _count(account, ANYWHERE, free, longest, limits.forget_s)
    return attempted


def succeeded(attempted: Attempted) -> None:
    """The password was right: forget the failures at this place, and know the place."""
    here = Attempt.account == attempted.account
    Attempt.delete().where(here & (Attempt.place == attempted.place)).execute()
    if not attempted.known:
        Attempt.update(failures=Attempt.failures - 1).where(
            here & (Attempt.place == ANYWHERE) & (Attempt.failures > 0)
        ).execute()
    if attempted.user is not None:
        know(attempted.user, attempted.place)


def know(user: User, place: bytes) -> None:
    """From now on `place` is one of the user's own."""
    now = datetime.now(UTC)
    known = KnownPlace.insert(user=user, place=place, last_at=now)
    known.on_conflict(conflict_target=(KnownPlace.user, KnownPlace.place), update={"last_at": now}).execute()


def pardon(user: User, client: Client) -> None:
    """The user has proved by a letter who they are: the place is theirs, and its failures are forgotten."""
    account = hashlib.sha256((user.email or "").encode()).digest()
    Attempt.delete().where((Attempt.account == account) & (Attempt.place == client.place)).execute()
    know(user, client.place)


def forget_old(forget_s: float) -> int:
    """Delete the counts that no longer count, and places not seen for more than a year; returns how many."""
    now = datetime.now(UTC)
    deleted: int = Attempt.delete().where(Attempt.last_at < now - timedelta(seconds=forget_s)).execute()
    deleted += KnownPlace.delete().where(KnownPlace.last_at < now - KNOWN_FOR).execute()
    return deleted


def _is_known(user: User | None, place: bytes) -> bool:
    # Asked of an unknown address too, so that the answer takes as long.
    mine = (KnownPlace.user == (user.id if user else None)) & (KnownPlace.place == place)
    return bool(KnownPlace.select().where(mine).exists())


def _count(account: bytes, place: bytes, free: int, longest_s: float, forget_s: float) -> None:
    database = Attempt._meta.database
    values = {"account": account, "place": place, "free": free, "longest": longest_s, "forget": forget_s}
    if database.execute_sql(RESERVE, values).fetchone() is None:
        [(wait,)] = database.execute_sql(WAIT, values).fetchall()
        raise too_many(max(1, int(wait)))


def too_many(wait_s: int) -> TooManyRequests:
    """The refusal of a sign-in that came too early."""
    return TooManyRequests(
        "too_many_attempts",
        f"Too many failed sign-ins. Try again in {wait_s} seconds, or set a new password by e-mail.",
        [{"field": "retry_after_s", "message": str(wait_s)}],
    )
