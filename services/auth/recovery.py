"""Proving an address, and getting a new password: by a letter, or by the old one."""

from datetime import UTC, datetime

from services.auth import audit, letter_tokens, outbox, sessions, sign_in, throttle
from services.auth.accounts import get
from services.auth.client import Client
from services.auth.passwords import Passwords
from services.auth.revocations import Revocations
from services.auth.tables import User
from services.auth.words import Email, Password
from services.kernel.arguments import checked
from services.kernel.config import Mail, SignIn
from services.kernel.errors import Forbidden


@checked
def request_letter(kind: str, email: Email, mail: Mail) -> None:
    """Have a letter of `kind` ("verify" or "reset") sent, where there is something to send.

    Whether the address is somebody's shows when the letter is written: here all addresses are alike.
    """
    outbox.add(kind, email, mail.per_hour)


def verify_email(token: object, client: Client) -> None:
    """The reader of a letter has the address. Raises `Unprocessable` ``link_invalid``."""
    with User._meta.database.atomic():
        user = letter_tokens.use(token, "verify")
        _mark_verified(user, client)


@checked
def reset_password(
    token: str, password: Password, client: Client, passwords: Passwords, revocations: Revocations, mail: Mail
) -> None:
    """Set a new password by a letter, which also proves the address; every session ends.

    Raises `Unprocessable` ``link_invalid``.
    """
    hashed = passwords.hash(password)
    with revocations.ending() as ended:
        user = letter_tokens.use(token, "reset")
        _mark_verified(user, client)
        ended += _set_password(user, hashed, "password_reset", client, mail)
        throttle.pardon(user, client)


@checked
def change_password(
    user_id: str,
    old: str,
    new: Password,
    session_id: str | None,
    client: Client,
    passwords: Passwords,
    revocations: Revocations,
    limits: SignIn,
    mail: Mail,
) -> None:
    """Set a new password by the old one; every session ends but `session_id`.

    Raises `Unauthenticated` ``bad_credentials``, `Forbidden` ``no_password`` (set one by a letter), `TooManyRequests`.
    """
    user = get(user_id)
    if user.password_hash is None:
        raise Forbidden("no_password", "The account has no password yet: set one by e-mail, as if it was forgotten.")
    sign_in.prove(user, old, client, passwords, limits)
    hashed = passwords.hash(new)
    with revocations.ending() as ended:
        ended += _set_password(user, hashed, "password_changed", client, mail, but=session_id)


def _set_password(
    user: User, hashed: str, reason: str, client: Client, mail: Mail, but: str | None = None
) -> list[object]:
    User.update(password_hash=hashed).where(User.id == user.id).execute()
    letter_tokens.forget(user, "reset")
    audit.note(user.id, reason, client)
    if user.email is not None:
        outbox.add("password_changed", user.email, mail.per_hour)
    return sessions.end_all(user.id, reason, but)


def _mark_verified(user: User, client: Client) -> None:
    unproven = (User.id == user.id) & User.verified_at.is_null()
    if User.update(verified_at=datetime.now(UTC)).where(unproven).execute():
        audit.note(user.id, "email_verified", client)
    letter_tokens.forget(user, "verify")
