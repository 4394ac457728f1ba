"""The tables of the schema ``chat``; the migrations beside this file say what they may hold."""

from peewee import BigIntegerField, ForeignKeyField, Model, TextField, UUIDField
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField


class Conversation(Model):
    id = UUIDField(primary_key=True)
    owner = UUIDField(null=True)
    created_at = DateTimeTZField()

    class Meta:
        schema = "chat"
        table_name = "conversations"


class Message(Model):
    id = UUIDField(primary_key=True)
    conversation = ForeignKeyField(Conversation)
    ordinal = BigIntegerField()  # PostgreSQL counts
    role = TextField()
    content = TextField()
    provider = TextField(null=True)
    items = BinaryJSONField(index=False)
    created_at = DateTimeTZField()

    class Meta:
        schema = "chat"
        table_name = "messages"


ALL = (Conversation, Message)
