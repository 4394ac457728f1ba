"""What happened to accounts, for their owners to read. Holds no secrets, and no addresses that nobody has here."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field
from uuid6 import uuid7

from services.auth.client import Client
from services.auth.tables import AuditEntry
from services.auth.words import UserId
from services.kernel.arguments import checked


def note(user_id: object, event: str, client: Client) -> None:
    """Write down that `event` happened to the account `user_id`."""
    AuditEntry.create(
        id=uuid7(),
        user_id=user_id,
        event=event,
        at=datetime.now(UTC),
        address=client.address,
        user_agent=client.user_agent,
    )


@checked
def events(user_id: UserId, limit: Annotated[int, Field(ge=1, le=200)] = 50) -> list[dict[str, Any]]:
    """The account's latest events, the last one first."""
    latest = (
        AuditEntry.select()
        .where(AuditEntry.user_id == user_id)
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(limit)
    )
    return [
        {"event": one.event, "at": one.at.isoformat(), "address": one.address, "user_agent": one.user_agent}
        for one in latest
    ]


def erase(user_id: object) -> None:
    """Forget all of an account that is being deleted."""
    AuditEntry.delete().where(AuditEntry.user_id == user_id).execute()


def forget_old(kept_s: float) -> int:
    """Delete what happened more than `kept_s` seconds ago; returns how many."""
    deleted: int = AuditEntry.delete().where(AuditEntry.at < datetime.now(UTC) - timedelta(seconds=kept_s)).execute()
    return deleted
