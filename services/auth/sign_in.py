"""Signing in with a password, and proving once more that one knows it."""

from peewee import IntegrityError
from uuid6 import uuid7

from services.auth import audit, throttle
from services.auth.client import Client
from services.auth.passwords import Passwords
from services.auth.tables import User
from services.auth.words import LONGEST_EMAIL, LONGEST_PASSWORD, plausible
from services.kernel.config import SignIn
from services.kernel.errors import Unauthenticated


def authenticate(email: object, password: object, client: Client, passwords: Passwords, limits: SignIn) -> User:
    """The account that `email` and `password` open.

    Raises `Unauthenticated` ``bad_credentials``, `TooManyRequests` ``too_many_attempts``. An unknown address takes as
    long as a wrong password, and no answer tells which of them it was. An unverified account opens too: whose photo
    cannot wait for a mailbox has a history to come back to.
    """
    address = plausible(email, LONGEST_EMAIL).strip().lower()
    return _check(address, password, client, passwords, limits, "The e-mail address or the password is wrong.")


def prove(user: User, password: object, client: Client, passwords: Passwords, limits: SignIn) -> None:
    """That `password` is the user's, guessed at no faster than at a sign-in. Raises as `authenticate`."""
    _check(user.email or "", password, client, passwords, limits, "The password is wrong.")


def _check(address: str, password: object, client: Client, passwords: Passwords, limits: SignIn, wrong: str) -> User:
    # The connection goes back before the slow part: a flood of sign-ins must not use up the pool.
    with User._meta.database.connection_context():
        user: User | None = User.get_or_none(email=address)
        attempted = throttle.reserve(address, user, client, limits)
    given = plausible(password, LONGEST_PASSWORD)
    known = user.password_hash if user else None
    if not passwords.matches(known, given) or user is None or known is None:
        # Of an unknown address too, under an id that is nobody's: it must take as long.
        audit.note(user.id if user else uuid7(), "sign_in_failed", client)
        raise Unauthenticated("bad_credentials", wrong)
    try:
        throttle.succeeded(attempted)
    except IntegrityError:  # the account was deleted meanwhile
        raise Unauthenticated("bad_credentials", wrong) from None
    if passwords.outdated(known):
        renewed = passwords.hash(given)
        # Only where the password is still the one that was compared.
        User.update(password_hash=renewed).where((User.id == user.id) & (User.password_hash == known)).execute()
    return user
