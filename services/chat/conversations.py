"""Conversations: who may read which, and what was said in order. Another's is as if it were not there."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field
from uuid6 import uuid7

from services.chat.answers import answer
from services.chat.tables import Conversation, Message
from services.kernel.arguments import Id, Lines, checked, missing

ConversationId = Annotated[str, Id("conversation")]
Owner = Annotated[str, Id("user")] | None
Text = Annotated[str, Lines(1, 2000)]


@checked
def start(owner: Owner = None) -> str:
    """The id of a new conversation, `owner`'s or, with None, of whoever knows the id."""
    return str(Conversation.create(id=uuid7(), owner=owner, created_at=datetime.now(UTC)).id)


@checked
def post(conversation_id: ConversationId, message: Text, owner: Owner, recycle: Any) -> dict[str, Any]:
    """Answer `message` by asking `recycle`, and store both, or neither.

    Raises `NotFound` ``conversation_not_found``, and what `recycle` raises.
    """
    database = Conversation._meta.database
    with database.connection_context():  # not held while the recycle service works
        _get(conversation_id, owner)
    said = answer(message, recycle)
    with database.atomic():
        _get(conversation_id, owner, lock=True)
        _add(conversation_id, role="user", content=message, items=[])
        message_id = _add(
            conversation_id, role="assistant", content=said.text, items=said.items, provider=said.provider
        )
    return {
        "message_id": message_id,
        "answer": said.text,
        "provider": said.provider,
        "items": said.items,
        "suggestions": said.suggestions,
    }


@checked
def messages(
    conversation_id: ConversationId,
    owner: Owner = None,
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
) -> list[dict[str, Any]]:
    """The last `limit` messages, the oldest of them first."""
    _get(conversation_id, owner)
    said = Message.select().where(Message.conversation == conversation_id)
    return [_as_dict(message) for message in reversed(said.order_by(Message.ordinal.desc()).limit(limit))]


@checked
def delete(conversation_id: ConversationId, owner: Owner = None) -> None:
    """Delete the conversation with all that was said in it. Raises `NotFound`."""
    if not Conversation.delete().where(_may_use(conversation_id, owner)).execute():
        raise missing("conversation")


def _add(conversation_id: str, **message: Any) -> str:
    message_id = uuid7()
    row = Message.insert(id=message_id, conversation=conversation_id, created_at=datetime.now(UTC), **message)
    row.execute()
    return str(message_id)


def _get(conversation_id: str, owner: str | None, lock: bool = False) -> Conversation:
    query = Conversation.select().where(_may_use(conversation_id, owner))
    conversation: Conversation | None = (query.for_update() if lock else query).first()
    if conversation is None:
        raise missing("conversation")
    return conversation


def _may_use(conversation_id: str, owner: str | None) -> Any:
    owned = Conversation.owner.is_null() if owner is None else Conversation.owner == owner
    return (Conversation.id == conversation_id) & owned


def _as_dict(message: Message) -> dict[str, Any]:
    return {
        "message_id": str(message.id),
        "role": message.role,
        "content": message.content,
        "provider": message.provider,
        "items": message.items,
        "created_at": message.created_at.isoformat(),
    }
