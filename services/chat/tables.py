"""The tables of the schema ``chat``; the migrations beside this file say what they may hold."""

import uuid

from peewee import (
    BigIntegerField,
    CompositeKey,
    DecimalField,
    ForeignKeyField,
    Model,
    SmallIntegerField,
    TextField,
    UUIDField,
)
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField


class Conversation(Model):
    """What somebody talks about; without an owner it is whose who knows its id."""

    id = UUIDField(primary_key=True)
    owner = UUIDField(null=True)
    title = TextField(null=True)
    created_at = DateTimeTZField()
    updated_at = DateTimeTZField()

    class Meta:
        schema = "chat"
        table_name = "conversations"


class Message(Model):
    """A question (role ``user``), or the answer to one (``assistant``): writing, completed or failed."""

    id = UUIDField(primary_key=True)
    conversation = ForeignKeyField(Conversation)
    ordinal = BigIntegerField()  # PostgreSQL counts
    role = TextField()
    state = TextField()
    question = ForeignKeyField("self", null=True)
    question_id: uuid.UUID | None
    content = TextField()
    options = BinaryJSONField(index=False)
    provider = TextField(null=True)
    model = TextField(null=True)
    degraded = TextField(null=True)
    items = BinaryJSONField(index=False)
    tools = BinaryJSONField(index=False)
    sources = BinaryJSONField(index=False)
    suggestions = BinaryJSONField(index=False)
    error_code = TextField(null=True)
    error_detail = TextField(null=True)
    cost_won = DecimalField(12, 4)
    attempt = SmallIntegerField()
    lease_until = DateTimeTZField(null=True)
    created_at = DateTimeTZField()
    finished_at = DateTimeTZField(null=True)

    class Meta:
        schema = "chat"
        table_name = "messages"


class Feedback(Model):
    """A viewer's word on an answer."""

    message = ForeignKeyField(Message)
    message_id: uuid.UUID
    viewer = UUIDField()
    verdict = TextField()
    comment = TextField(null=True)
    created_at = DateTimeTZField()
    updated_at = DateTimeTZField()

    class Meta:
        schema = "chat"
        table_name = "feedback"
        primary_key = CompositeKey("message", "viewer")


ALL = (Conversation, Message, Feedback)
