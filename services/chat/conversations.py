"""Conversations: who may use which, the latest first, with titles. Another's is as if it were not there."""

from collections.abc import Sequence
from typing import Annotated, Any

from peewee import fn
from pydantic import Field
from uuid6 import uuid7

from services.chat.tables import Conversation, Message
from services.kernel import cursors
from services.kernel.arguments import Id, Line, checked, missing

ConversationId = Annotated[str, Id("conversation")]
User = Annotated[str, Id("user")]
Owner = User | None
Title = Annotated[str, Line(1, 100)]


@checked
def start(owner: Owner = None, title: Title | None = None) -> dict[str, Any]:
    """A new conversation, `owner`'s or, with None, of whoever knows its id."""
    row = Conversation.insert(id=uuid7(), owner=owner, title=title).returning(Conversation)
    return _as_dict(next(iter(row.execute())), None)


@checked
def listed(owner: User, limit: Annotated[int, Field(ge=1, le=100)] = 20, cursor: str | None = None) -> dict[str, Any]:
    """``{"conversations", "next"}``: the latest first; `next` is the `cursor` of the following page, or None.

    Raises `Unprocessable` ``cursor_invalid``.
    """
    mine = Conversation.select().where(Conversation.owner == owner)
    if cursor is not None:
        last = cursors.moment(cursor, owner)
        mine = mine.where(fn.ROW(Conversation.updated_at, Conversation.id) < fn.ROW(*last))
    found = list(mine.order_by(Conversation.updated_at.desc(), Conversation.id.desc()).limit(limit + 1))
    page = found[:limit]
    writing = Message.conversation.in_([one.id for one in page]) & (Message.state == "writing")
    rows: Any = Message.select(Message.conversation, Message.id).where(writing).tuples()
    answering: dict[Any, Any] = dict(list(rows))
    return {
        "conversations": [_as_dict(one, answering.get(one.id)) for one in page],
        "next": cursors.at_moment(page[-1].updated_at, page[-1].id, owner) if len(found) > limit else None,
    }


@checked
def read(conversation_id: ConversationId, owner: Owner = None) -> dict[str, Any]:
    """The conversation, with the id of the answer that is being written. Raises `NotFound`."""
    found = get(conversation_id, owner)
    answer = Message.get_or_none((Message.conversation == found.id) & (Message.state == "writing"))
    return _as_dict(found, answer.id if answer else None)


@checked
def rename(conversation_id: ConversationId, title: Title, owner: Owner = None) -> dict[str, Any]:
    """The conversation with its new title. Raises `NotFound`."""
    change = Conversation.update(title=title, updated_at=fn.now()).where(may_use(conversation_id, owner))
    if not change.execute():
        raise missing("conversation")
    return read(conversation_id, owner)


@checked
def delete(conversation_id: ConversationId, owner: Owner = None) -> list[str]:
    """Delete the conversation with all that was said in it; the ids of its answers. Raises `NotFound`."""
    with Conversation._meta.database.atomic():
        get(conversation_id, owner, lock=True)
        said = [
            str(message.id) for message in Message.select(Message.id).where(Message.conversation == conversation_id)
        ]
        Conversation.delete().where(Conversation.id == conversation_id).execute()
    return said


@checked
def erase(owner: User) -> list[str]:
    """Delete all that a user has talked about; the ids of the answers. To erase twice changes nothing."""
    with Conversation._meta.database.atomic():
        mine = Conversation.select(Conversation.id).where(Conversation.owner == owner).for_update()
        found = [one.id for one in mine]
        said = _said_in(found)
        Conversation.delete().where(Conversation.id.in_(found)).execute()
    return said


def get(conversation_id: str, owner: str | None, lock: bool = False) -> Conversation:
    """The conversation, if `owner` may use it. Raises `NotFound`."""
    query = Conversation.select().where(may_use(conversation_id, owner))
    found: Conversation | None = (query.for_update() if lock else query).first()
    if found is None:
        raise missing("conversation")
    return found


def may_use(conversation_id: str, owner: str | None) -> Any:
    """The condition under which `owner` may use a conversation."""
    owned = Conversation.owner.is_null() if owner is None else Conversation.owner == owner
    return (Conversation.id == conversation_id) & owned


def _said_in(found: Sequence[object]) -> list[str]:
    messages = Message.select(Message.id).where(Message.conversation.in_(found), Message.role == "assistant")
    return [str(message.id) for message in messages]


def _as_dict(conversation: Conversation, writing: object) -> dict[str, Any]:
    return {
        "conversation_id": str(conversation.id),
        "title": conversation.title,
        "writing": str(writing) if writing else None,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
    }
