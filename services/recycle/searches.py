"""What people search for, and what for in vain: how the search gets better. Nothing tells who asked."""

import unicodedata
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from peewee import fn

from services.recycle.tables import Search

LONGEST = 100
COUNTED = timedelta(days=30)
KEPT = timedelta(days=180)


@dataclass(frozen=True)
class Made:
    """A search that was answered."""

    query: str
    hits: int
    top_item: str | None
    created_at: datetime


def made(query: str, hits: list[dict[str, Any]]) -> Made:
    """What to remember of a search with these hits; the words without case and superfluous spaces."""
    words = " ".join(unicodedata.normalize("NFKC", query).lower().split())[:LONGEST]
    return Made(words, len(hits), hits[0]["item_id"] if hits else None, datetime.now(UTC))


def record(searches: list[Made]) -> None:
    """Store searches, on a connection of their own."""
    with Search._meta.database.connection_context():
        Search.insert_many([asdict(search) for search in searches]).execute()


def counts() -> dict[str, int]:
    """``{"days", "total", "in_vain"}`` of the last days."""
    total = fn.COUNT(Search.id)
    recent = Search.select(total, total.filter(Search.hits == 0)).where(Search.created_at > datetime.now(UTC) - COUNTED)
    found, in_vain = recent.scalar(as_tuple=True)
    return {"days": COUNTED.days, "total": found, "in_vain": in_vain}


def forget_old() -> int:
    """Delete the searches older than `KEPT`; returns how many."""
    deleted: int = Search.delete().where(Search.created_at < datetime.now(UTC) - KEPT).execute()
    return deleted
