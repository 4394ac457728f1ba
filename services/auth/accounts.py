"""Accounts: who registered, who is who, and how an account ends.

Registering answers everybody alike: the owner of a taken address hears of it by letter, the asker hears nothing. Until
its address is verified an account works (a photo in the street must not wait for a mailbox), but it proves nothing:

- whoever reads the mailbox can take an unverified account over, by a letter (`waiting`: it sets a new password and
  ends all sign-ins) or by signing in with a provider that vouches for the address (`services.auth.identities`);
- so nobody who registers somebody else's address in advance keeps a way in, and nobody is locked out of their address.

What this leaves open: who registers an address and then signs in with that password learns that it was free.
"""

from datetime import UTC, datetime
from typing import Any

from uuid6 import uuid7

from services.auth import announcements, audit, outbox, sessions, sign_in
from services.auth.client import Client
from services.auth.passwords import Passwords
from services.auth.revocations import Revocations
from services.auth.tables import Identity, User
from services.auth.words import Email, Name, Password, UserId
from services.kernel.arguments import checked, missing
from services.kernel.config import Auth, Mail
from services.kernel.errors import Forbidden


@checked
def register(email: Email, password: Password, name: Name, client: Client, passwords: Passwords, mail: Mail) -> None:
    """A new account, or a letter to the owner of the one that there is."""
    hashed = passwords.hash(password)
    with User._meta.database.atomic():
        created = create(email, name, client, password_hash=hashed)
        if created is not None:
            outbox.add("verify", email, mail.per_hour)
            return
        owner = User.get_or_none(email=email)
        if owner is not None:
            audit.note(owner.id, "registered_again", client)
            outbox.add("waiting" if owner.verified_at is None else "taken", email, mail.per_hour)


def create(
    email: str | None, name: str, client: Client, password_hash: str | None = None, verified: bool = False
) -> User | None:
    """A new account, announced; None when `email` is taken. To be called inside a transaction."""
    now = datetime.now(UTC)
    new = User.insert(
        id=uuid7(),
        email=email,
        name=name,
        password_hash=password_hash,
        created_at=now,
        verified_at=now if verified else None,
    )
    user: User | None = next(iter(new.on_conflict_ignore().returning(User).execute()), None)
    if user is not None:
        announcements.add("user_registered", {"user_id": str(user.id), "name": user.name})
        audit.note(user.id, "registered", client)
    return user


@checked
def get(user_id: UserId) -> User:
    """Raises `NotFound` ``user_not_found``."""
    user = User.get_or_none(id=user_id)
    if user is None:
        raise missing("user")
    return user


def delete(
    user_id: str,
    session_id: str | None,
    password: str | None,
    client: Client,
    passwords: Passwords,
    revocations: Revocations,
    auth: Auth,
    mail: Mail,
) -> None:
    """Delete the account and all that belongs to it here; the other domains hear ``user_deleted``.

    Asks for the password, or, of an account without one, for a session not older than `fresh_s` seconds. Raises
    `Unauthenticated` ``bad_credentials``, `Forbidden` ``fresh_sign_in_needed``, `TooManyRequests`, `NotFound`.
    """
    user = get(user_id)
    if user.password_hash is not None:
        sign_in.prove(user, password, client, passwords, auth.sign_in)
    elif not sessions.is_fresh(str(user.id), session_id, auth.fresh_s):
        raise Forbidden(
            "fresh_sign_in_needed", f"Sign in again; within {auth.fresh_s} seconds the account can be deleted."
        )
    with revocations.ending() as ended:
        ended += sessions.end_all(user.id, "ended")
        if User.delete().where(User.id == user.id).execute():
            announcements.add("user_deleted", {"user_id": str(user.id)})
            if user.email is not None:
                outbox.add("deleted", user.email, mail.per_hour)
        audit.erase(user.id)
        audit.note(user.id, "deleted", Client())


def as_dict(user: User) -> dict[str, Any]:
    """`verified`: the address is proven; `providers`: by whom else one can sign in."""
    linked = Identity.select().where(Identity.user == user).order_by(Identity.provider)
    return {
        "user_id": str(user.id),
        "email": user.email,
        "name": user.name,
        "verified": user.verified_at is not None,
        "has_password": user.password_hash is not None,
        "providers": [identity.provider for identity in linked],
        "created_at": user.created_at.isoformat(),
    }
