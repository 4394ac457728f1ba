"""Accounts: who registered, and that the other domains hear of it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from uuid6 import uuid7

from services.auth.passwords import Passwords
from services.auth.tables import User
from services.kernel.arguments import Id, Line, checked, has_controls, missing
from services.kernel.errors import Conflict, Unauthenticated

# RFC 5321 without quoted local parts, literals and non-ASCII names.
ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
EMAIL = re.compile(rf"(?=.{{1,64}}@){ATOM}(\.{ATOM})*@({LABEL}\.)+{LABEL}")

LATE = timedelta(seconds=30)
LATE_AT_ONCE = 100

Announce = Callable[[str, dict[str, str]], None]


def _email(text: str) -> str:
    if not EMAIL.fullmatch(text.lower()):
        raise PydanticCustomError("email", "This is not an e-mail address")
    return text.lower()


Email = Annotated[str, Line(3, 254), AfterValidator(_email)]
Name = Annotated[str, Line(1, 30)]
UserId = Annotated[str, Id("user")]


def _password(text: str) -> str:
    if not 10 <= len(text) <= 128:
        raise PydanticCustomError("length", "Give 10 to 128 characters")
    if has_controls(text):
        raise PydanticCustomError("characters", "Control characters are not allowed")
    return text


Password = Annotated[str, AfterValidator(_password)]


@checked
def register(email: Email, password: Password, name: Name, passwords: Passwords) -> User:
    """A new account. Raises `Conflict` ``email_taken``."""
    hashed = passwords.hash(password)
    account = User.insert(id=uuid7(), email=email, name=name, password_hash=hashed, created_at=datetime.now(UTC))
    user: User | None = next(iter(account.on_conflict_ignore().returning(User).execute()), None)
    if user is None:
        raise Conflict("email_taken", "There is an account with this e-mail address already.")
    return user


def authenticate(email: object, password: object, passwords: Passwords) -> User:
    """The account that `email` and `password` open. Raises `Unauthenticated` ``bad_credentials``.

    An unknown address takes as long as a wrong password, and no answer tells which of them it was.
    """
    # The connection goes back before the slow part: a flood of sign-ins must not use up the pool.
    with User._meta.database.connection_context():
        user = User.get_or_none(email=_plausible(email, 254).strip().lower())
    given = _plausible(password, 128)
    known = user.password_hash if user else None
    if not passwords.matches(known, given) or user is None:
        raise Unauthenticated("bad_credentials", "The e-mail address or the password is wrong.")
    if passwords.outdated(user.password_hash):
        User.update(password_hash=passwords.hash(given)).where(User.id == user.id).execute()
    return user


@checked
def get(user_id: UserId) -> User:
    """Raises `NotFound` ``user_not_found``."""
    user = User.get_or_none(id=user_id)
    if user is None:
        raise missing("user")
    return user


def announce(user: User, tell: Announce) -> None:
    """Tell the other domains of `user`, and remember that they were told."""
    tell("user_registered", {"user_id": str(user.id), "name": user.name})
    User.update(announced_at=datetime.now(UTC)).where(User.id == user.id).execute()


def announce_late(tell: Announce) -> int:
    """Tell of those whom a crash or a lost broker left untold; returns how many. Hearers may hear twice."""
    late = User.select().where(User.announced_at.is_null(), User.created_at < datetime.now(UTC) - LATE)
    users = list(late.order_by(User.created_at).limit(LATE_AT_ONCE))
    for user in users:
        announce(user, tell)
    return len(users)


def as_dict(user: User) -> dict[str, Any]:
    return {
        "user_id": str(user.id),
        "email": user.email,
        "name": user.name,
        "created_at": user.created_at.isoformat(),
    }


def _plausible(text: object, longest: int) -> str:
    """`text`, or what cannot be anybody's when it is none."""
    if isinstance(text, str) and len(text) <= longest and not has_controls(text):
        return text
    return ""
