"""The tables of the schema ``auth``; the migrations beside this file say what they may hold."""

from peewee import BlobField, ForeignKeyField, Model, TextField, UUIDField
from playhouse.postgres_ext import DateTimeTZField


class User(Model):
    id = UUIDField(primary_key=True)
    email = TextField(unique=True)
    name = TextField()
    password_hash = TextField()
    created_at = DateTimeTZField()
    announced_at = DateTimeTZField(null=True)

    class Meta:
        schema = "auth"
        table_name = "users"


class Session(Model):
    id = UUIDField(primary_key=True)
    user = ForeignKeyField(User)
    created_at = DateTimeTZField()
    expires_at = DateTimeTZField()
    revoked_at = DateTimeTZField(null=True)
    revoked_reason = TextField(null=True)

    class Meta:
        schema = "auth"
        table_name = "sessions"


class RefreshToken(Model):
    token_hash = BlobField(primary_key=True)
    session = ForeignKeyField(Session)
    issued_at = DateTimeTZField()
    used_at = DateTimeTZField(null=True)

    class Meta:
        schema = "auth"
        table_name = "refresh_tokens"


class SigningKey(Model):
    kid = TextField(primary_key=True)
    private_key = BlobField()
    created_at = DateTimeTZField()
    retired_at = DateTimeTZField(null=True)

    class Meta:
        schema = "auth"
        table_name = "signing_keys"


ALL = (User, Session, RefreshToken, SigningKey)
