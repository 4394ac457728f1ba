"""Questions and their answers: stored together, read page by page."""

import uuid
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from peewee import SQL, IntegrityError, fn
from pydantic import BaseModel, ConfigDict, Field, model_validator
from uuid6 import uuid7

from services.chat import conversations
from services.chat.conversations import ConversationId, Owner
from services.chat.tables import Conversation, Feedback, Message
from services.kernel import cursors
from services.kernel.arguments import Id, Line, Lines, checked, missing
from services.kernel.errors import Conflict

MessageId = Annotated[str, Id("message")]
Text = Annotated[str, Lines(1, 2000)]
Verdict = Literal["right", "wrong", "helpful"]
Limit = Annotated[int, Field(ge=1, le=200)]

NOBODY = uuid.UUID(int=0)
"""Stands in the feedback for whoever knows the id of a conversation without an owner."""


class Options(BaseModel):
    """What may come with a message: the language of the answer, where somebody is, the scan they ask about.

    `region` is an id, a name or an address; `lat` and `lon` come together.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    lang: Literal["ko", "en"] | None = None
    region: Annotated[str, Line(1, 50)] | None = None
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    scan_id: Annotated[str, Id("scan")] | None = None

    @model_validator(mode="after")
    def _both(self) -> "Options":
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon belong together")
        return self


@checked
def readable(conversation_id: ConversationId, message: Text, owner: Owner) -> str:
    """The conversation's id, if the message may be asked there. Raises `NotFound`, `Unprocessable`."""
    conversations.get(conversation_id, owner)
    return conversation_id


@checked
def post(
    conversation_id: ConversationId, message: Text, owner: Owner, options: Options, lease_s: float
) -> dict[str, str]:
    """Store a question, and the answer to it as being written, by the caller, until its lease ends.

    ``{"message_id", "answer_id"}``. Raises `NotFound`, `Conflict` ``answer_in_progress``.
    """
    question, answer = uuid7(), uuid7()
    with Message._meta.database.atomic():
        conversation = conversations.get(conversation_id, owner, lock=True)
        if Message.select().where(Message.conversation == conversation_id, Message.state == "writing").exists():
            raise Conflict("answer_in_progress", "The last question is still being answered. Wait for its end.")
        said = options.model_dump(exclude_none=True)
        _add(conversation_id, id=question, role="user", content=message, options=said, finished_at=fn.now())
        lease_until = fn.now() + SQL("%s * interval '1 second'", (lease_s,))
        written = {"state": "writing", "question": question, "attempt": 1, "lease_until": lease_until}
        _add(conversation_id, id=answer, role="assistant", content="", **written)
        title = conversation.title or " ".join(message.split())[:60].strip()
        Conversation.update(title=title, updated_at=fn.now()).where(Conversation.id == conversation_id).execute()
    return {"message_id": str(question), "answer_id": str(answer)}


@checked
def listed(
    conversation_id: ConversationId, owner: Owner = None, limit: Limit = 50, cursor: str | None = None
) -> dict[str, Any]:
    """``{"messages", "next"}``: the last `limit`, the oldest of them first; `next` leads to those before, or is None.

    Raises `NotFound`, `Unprocessable` ``cursor_invalid``.
    """
    conversations.get(conversation_id, owner)
    said = Message.select().where(Message.conversation == conversation_id)
    if cursor is not None:
        said = said.where(Message.ordinal < cursors.number(cursor, conversation_id))
    found = list(said.order_by(Message.ordinal.desc()).limit(limit + 1))
    page = found[:limit]
    return {
        "messages": _as_dicts(reversed(page), owner),
        "next": cursors.at_number(page[-1].ordinal, conversation_id) if len(found) > limit else None,
    }


@checked
def read(conversation_id: ConversationId, message_id: MessageId, owner: Owner = None) -> dict[str, Any]:
    """One message. Raises `NotFound` ``conversation_not_found`` or ``message_not_found``."""
    return _as_dicts([find(conversation_id, message_id, owner)], owner)[0]


@checked
def find(conversation_id: ConversationId, message_id: MessageId, owner: Owner) -> Message:
    """The row of a message. Raises `NotFound`."""
    conversations.get(conversation_id, owner)
    found: Message | None = Message.get_or_none((Message.id == message_id) & (Message.conversation == conversation_id))
    if found is None:
        raise missing("message")
    return found


@checked
def rate(
    conversation_id: ConversationId,
    message_id: MessageId,
    owner: Owner,
    verdict: Verdict,
    comment: Annotated[str, Lines(1, 500)] | None = None,
) -> dict[str, Any]:
    """Keep what somebody says of an answer, in place of what they said of it before; returns it.

    Raises `NotFound`, `Conflict` ``answer_unfinished`` for a question, or an answer that did not come.
    """
    answer = find(conversation_id, message_id, owner)
    if answer.role != "assistant" or answer.state != "completed":
        raise Conflict("answer_unfinished", "This is no answer that could be right or wrong.")
    said = {"verdict": verdict, "comment": comment}
    new = Feedback.insert(message=answer.id, viewer=owner or NOBODY, **said).on_conflict(
        conflict_target=[Feedback.message, Feedback.viewer], update={**said, Feedback.updated_at: fn.now()}
    )
    try:
        kept = next(iter(new.returning(Feedback).execute()))
    except IntegrityError:  # the conversation was deleted meanwhile
        raise missing("message") from None
    return {
        "message_id": message_id,
        **said,
        "created_at": kept.created_at.isoformat(),
        "updated_at": kept.updated_at.isoformat(),
    }


@checked
def last_suggestions(conversation_id: ConversationId, owner: Owner = None) -> list[str]:
    """What the last answer of a conversation suggests to ask. Raises `NotFound`."""
    conversations.get(conversation_id, owner)
    answers = Message.select().where(Message.conversation == conversation_id, Message.state == "completed")
    last = answers.where(Message.role == "assistant").order_by(Message.ordinal.desc()).first()
    return list(last.suggestions) if last else []


def _add(conversation_id: str, **message: Any) -> None:
    Message.insert(conversation=conversation_id, **message).execute()


def _as_dicts(found: Iterable[Message], owner: str | None) -> list[dict[str, Any]]:
    page = list(found)
    said = Feedback.select().where(Feedback.message.in_([one.id for one in page]), Feedback.viewer == (owner or NOBODY))
    feedback = {one.message_id: {"verdict": one.verdict, "comment": one.comment} for one in said} if page else {}
    return [_as_dict(message, feedback.get(message.id)) for message in page]


def _as_dict(message: Message, feedback: dict[str, Any] | None) -> dict[str, Any]:
    error = {"code": message.error_code, "detail": message.error_detail} if message.error_code else None
    return {
        "message_id": str(message.id),
        "question_id": str(message.question_id) if message.question_id else None,
        "role": message.role,
        "state": message.state,
        "content": message.content,
        "provider": message.provider,
        "model": message.model,
        "degraded": message.degraded,
        "items": message.items,
        "tools": message.tools,
        "sources": message.sources,
        "suggestions": message.suggestions,
        "scan_id": message.options.get("scan_id"),
        "region": message.options.get("region"),
        "error": error,
        "feedback": feedback,
        "created_at": message.created_at.isoformat(),
        "finished_at": message.finished_at.isoformat() if message.finished_at else None,
    }
