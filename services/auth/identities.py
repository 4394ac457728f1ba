"""Which account somebody has who signed in elsewhere.

    the identity is known                       its account
    the provider vouches for an address:
        nobody has it                           a new account, verified
        a verified account has it               that account; the identity is linked to it, its owner gets a letter
        an unverified account has it            that account, taken over: password, sessions, links of before are gone
    it does not, or gives none                  a new account without an address, whoever has that address here

An address that nobody vouches for proves nothing, so it is kept for the record only and never links accounts.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from services.auth import accounts, audit, letter_tokens, outbox, sessions
from services.auth.client import Client
from services.auth.revocations import Revocations
from services.auth.tables import Identity, KnownPlace, User
from services.auth.words import Email, Name
from services.kernel.config import Mail

NAMELESS = "이코에코 친구"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('auth.identities ' || %s, 0))"

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_NAME: TypeAdapter[str] = TypeAdapter(Name)


@dataclass(frozen=True)
class Somebody:
    """Who signed in at a provider, in its words. `vouched`: it has proved that `email` is theirs."""

    provider: str
    subject: str
    email: str | None
    vouched: bool
    name: str | None


def account_of(who: Somebody, client: Client, revocations: Revocations, mail: Mail) -> User:
    """The account to sign in to; made or linked where needed."""
    now = datetime.now(UTC)
    address = _clean(_EMAIL, who.email)
    vouched = address if who.vouched else None
    with revocations.ending() as ended:
        # Two sign-ins at once of somebody new must not become two accounts.
        database = User._meta.database
        database.execute_sql(ONE_AT_A_TIME, (f"{who.provider} {who.subject}",))
        this = (Identity.provider == who.provider) & (Identity.subject == who.subject)
        if Identity.update(last_used_at=now, email=address).where(this).execute():
            known: User = User.select().join(Identity).where(this).get()
            return known
        user = _owner(vouched, who, client, mail, ended)
        Identity.create(
            provider=who.provider, subject=who.subject, user=user, email=address, created_at=now, last_used_at=now
        )
        audit.note(user.id, f"linked_{who.provider}", client)
        return user


def _owner(email: str | None, who: Somebody, client: Client, mail: Mail, ended: list[object]) -> User:
    name = _clean(_NAME, (who.name or "").strip()[:30]) or NAMELESS
    new = accounts.create(email, name, client, verified=email is not None)
    if new is not None:
        return new
    owner: User = User.select().where(User.email == email).for_update().get()
    another = (Identity.user == owner) & (Identity.provider == who.provider)
    if owner.verified_at is None:
        ended += _take_over(owner, client)
        outbox.add("taken_over", str(email), mail.per_hour)
    elif Identity.select().where(another).exists():
        # One account, two people at one provider with one proven address: the address changed hands there.
        separate = accounts.create(None, name, client)
        assert separate is not None  # without an address there is nothing to collide with
        return separate
    else:
        outbox.add("linked", str(email), mail.per_hour)
    return owner


def _take_over(owner: User, client: Client) -> list[object]:
    """Whoever registered this address did not prove it; now its owner has come. Their ways in are gone."""
    User.update(password_hash=None, verified_at=datetime.now(UTC)).where(User.id == owner.id).execute()
    Identity.delete().where(Identity.user == owner).execute()
    KnownPlace.delete().where(KnownPlace.user == owner).execute()
    letter_tokens.forget(owner, "verify", "reset")
    audit.note(owner.id, "taken_over", client)
    return sessions.end_all(owner.id, "taken_over")


def _clean(kind: TypeAdapter[str], text: str | None) -> str | None:
    try:
        return kind.validate_python(text)
    except ValidationError:
        return None
