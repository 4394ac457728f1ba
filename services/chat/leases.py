"""Whose an answer is to write: each attempt has a number and a lease, and only the last attempt may end the answer.

post ──> writing (attempt 1) ──> completed | failed
            │  lease over: claimed by whoever notices (attempt + 1), or failed after the last attempt
            └──────────────┘
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peewee import fn

from services.chat.tables import Message

CLAIM = Path(__file__).with_name("claim.sql").read_text(encoding="utf-8")
RENEW = """
UPDATE chat.messages SET lease_until = now() + %(lease_s)s * interval '1 second'
FROM unnest(%(ids)s::uuid[], %(attempts)s::smallint[]) AS mine (id, attempt)
WHERE messages.id = mine.id AND messages.attempt = mine.attempt AND messages.state = 'writing'
RETURNING messages.id
"""
QUESTION = """
SELECT question.content, question.options, conversations.owner, conversations.id, question.ordinal
FROM chat.messages answer
JOIN chat.messages question ON question.id = answer.question_id
JOIN chat.conversations ON conversations.id = answer.conversation_id
WHERE answer.id = %s AND answer.attempt = %s AND answer.state = 'writing'
"""
FORGET_PLACE = """
UPDATE chat.messages SET options = options - 'lat' - 'lon'
WHERE id = (SELECT question_id FROM chat.messages WHERE id = %s)
"""


@dataclass(frozen=True)
class Attempt:
    """The right to write an answer, until somebody else has a higher number."""

    answer_id: str
    number: int


@dataclass(frozen=True)
class Question:
    """What is to be answered. `owner` is None where nobody is signed in; `ordinal` is its place among the messages."""

    text: str
    owner: str | None
    conversation_id: str
    ordinal: int
    lang: str | None = None
    region: str | None = None
    lat: float | None = None
    lon: float | None = None
    scan_id: str | None = None


@dataclass(frozen=True)
class Written:
    """An answer as it is kept. `degraded` is why a model that is there did not word it."""

    text: str
    provider: str
    model: str | None = None
    degraded: str | None = None
    items: list[dict[str, Any]] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    sources: list[dict[str, str]] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    cost_won: float = 0.0


def question(attempt: Attempt) -> Question | None:
    """The question of an answer that is this attempt's to write; None for any other."""
    row = _execute(QUESTION, (attempt.answer_id, attempt.number)).fetchone()
    if row is None:
        return None
    text, options, owner, conversation_id, ordinal = row
    return Question(text, str(owner) if owner else None, str(conversation_id), ordinal, **options)


def claim(lease_s: float, max_attempts: int, limit: int) -> tuple[list[Attempt], list[str]]:
    """Take over answers whose lease is over: the attempts to begin, and the ids of those that have failed."""
    values = {"lease_s": lease_s, "max_attempts": max_attempts, "limit": limit}
    with Message._meta.database.atomic():
        return _claim(values)


def _claim(values: dict[str, Any]) -> tuple[list[Attempt], list[str]]:
    rows = _execute(CLAIM, values).fetchall()
    begun = [Attempt(str(found), number) for found, number, state in rows if state == "writing"]
    failed = [str(found) for found, _, state in rows if state == "failed"]
    for answer_id in failed:
        _execute(FORGET_PLACE, (answer_id,))
    return begun, failed


def renew(attempts: Collection[Attempt], lease_s: float) -> set[str]:
    """The answers that are still these attempts' to write, for another `lease_s` seconds (0: others may take them)."""
    ids, numbers = [one.answer_id for one in attempts], [one.number for one in attempts]
    rows = _execute(RENEW, {"lease_s": lease_s, "ids": ids, "attempts": numbers}).fetchall()
    return {str(found) for (found,) in rows}


def complete(attempt: Attempt, written: Written) -> bool:
    """Keep the answer, if it is still this attempt's to write. The place of who asked is forgotten."""
    values: dict[str, Any] = {
        "content": written.text[:20_000],
        "provider": written.provider,
        "model": written.model,
        "degraded": written.degraded,
        "items": written.items,
        "tools": written.tools,
        "sources": written.sources,
        "suggestions": written.suggestions,
        "cost_won": round(written.cost_won, 4),
    }
    return _end(attempt, "completed", values)


def fail(attempt: Attempt, code: str, detail: str) -> bool:
    """The answer does not come, if it is still this attempt's to write."""
    return _end(attempt, "failed", {"error_code": code, "error_detail": detail[:500]})


def exists(answer_id: str) -> bool:
    """Whether the answer is there at all: its conversation may be deleted while it is written."""
    return bool(Message.select().where(Message.id == uuid.UUID(answer_id)).exists())


def _end(attempt: Attempt, state: str, values: dict[str, Any]) -> bool:
    mine = (Message.id == attempt.answer_id) & (Message.attempt == attempt.number) & (Message.state == "writing")
    with Message._meta.database.atomic():
        ended = Message.update(state=state, lease_until=None, finished_at=fn.now(), **values).where(mine).execute()
        if ended:
            _execute(FORGET_PLACE, (attempt.answer_id,))
    return bool(ended)


def _execute(statement: str, values: Any) -> Any:
    return Message._meta.database.execute_sql(statement, values)
