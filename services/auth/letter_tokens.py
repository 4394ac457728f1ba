"""The one-time tokens in letters: 256 random bits, kept as hashes."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from services.auth.tables import LetterToken, User
from services.kernel.errors import Unprocessable

LONGEST = 128


def make(user: User, purpose: str, ttl_s: float) -> str:
    """A token that is good for `ttl_s` seconds. Earlier ones stay good: a stranger's request must not undo them."""
    token = secrets.token_urlsafe(32)
    expires_at = datetime.now(UTC) + timedelta(seconds=ttl_s)
    LetterToken.create(token_hash=_hash(token), user=user, purpose=purpose, expires_at=expires_at)
    return token


def use(token: object, purpose: str) -> User:
    """The user to whom it was sent; it is used up.

    Raises `Unprocessable` ``link_invalid``; to be called inside a transaction, which its failure undoes.
    """
    this = (LetterToken.token_hash == _hash(token)) & (LetterToken.purpose == purpose)
    live = this & (LetterToken.expires_at > datetime.now(UTC))
    used = next(iter(LetterToken.delete().where(live).returning(LetterToken.user).execute()), None)
    if used is None:
        raise Unprocessable("link_invalid", "The link is wrong, was used before, or is too old: ask for a new one.")
    user: User = User.get_by_id(used.user_id)
    return user


def forget(user: User, *purposes: str) -> None:
    """Make the user's tokens of these purposes useless."""
    LetterToken.delete().where((LetterToken.user == user) & LetterToken.purpose.in_(purposes)).execute()


def forget_expired() -> int:
    """Returns how many there were."""
    deleted: int = LetterToken.delete().where(LetterToken.expires_at < datetime.now(UTC)).execute()
    return deleted


def _hash(token: object) -> bytes:
    if not isinstance(token, str) or len(token) > LONGEST or not token.isascii():
        token = ""
    return hashlib.sha256(token.encode()).digest()
