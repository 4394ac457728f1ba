"""The tables of the schema ``auth``; the migrations beside this file say what they may hold."""

from peewee import BigAutoField, BlobField, CompositeKey, ForeignKeyField, IntegerField, Model, TextField, UUIDField
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField


class User(Model):
    id = UUIDField(primary_key=True)
    email = TextField(unique=True, null=True)
    name = TextField()
    password_hash = TextField(null=True)
    created_at = DateTimeTZField()
    verified_at = DateTimeTZField(null=True)

    class Meta:
        schema = "auth"
        table_name = "users"


class Identity(Model):
    provider = TextField()
    subject = TextField()
    user = ForeignKeyField(User)
    email = TextField(null=True)
    created_at = DateTimeTZField()
    last_used_at = DateTimeTZField()

    class Meta:
        schema = "auth"
        table_name = "identities"
        primary_key = CompositeKey("provider", "subject")


class Session(Model):
    id = UUIDField(primary_key=True)
    user = ForeignKeyField(User)
    method = TextField()
    address = TextField(null=True)
    user_agent = TextField(null=True)
    created_at = DateTimeTZField()
    renewed_at = DateTimeTZField(null=True)
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


class Revocation(Model):
    id = UUIDField(primary_key=True)
    revoked_at = DateTimeTZField()
    expires_at = DateTimeTZField()

    class Meta:
        schema = "auth"
        table_name = "revocations"


class SigningKey(Model):
    kid = TextField(primary_key=True)
    private_key = BlobField()
    created_at = DateTimeTZField()
    activated_at = DateTimeTZField(null=True)
    retired_at = DateTimeTZField(null=True)

    class Meta:
        schema = "auth"
        table_name = "signing_keys"


class LetterToken(Model):
    token_hash = BlobField(primary_key=True)
    user = ForeignKeyField(User)
    purpose = TextField()
    expires_at = DateTimeTZField()

    class Meta:
        schema = "auth"
        table_name = "letter_tokens"


class Letter(Model):
    id = UUIDField(primary_key=True)
    kind = TextField()
    recipient = TextField()
    created_at = DateTimeTZField()
    attempts = IntegerField()
    due_at = DateTimeTZField(null=True)
    sent_at = DateTimeTZField(null=True)
    error = TextField(null=True)

    class Meta:
        schema = "auth"
        table_name = "letters"


class Announcement(Model):
    id = BigAutoField()
    event = TextField()
    payload = BinaryJSONField()
    created_at = DateTimeTZField()

    class Meta:
        schema = "auth"
        table_name = "announcements"


class Attempt(Model):
    account = BlobField()
    place = BlobField()
    failures = IntegerField()
    last_at = DateTimeTZField()

    class Meta:
        schema = "auth"
        table_name = "attempts"
        primary_key = CompositeKey("account", "place")


class KnownPlace(Model):
    user = ForeignKeyField(User)
    place = BlobField()
    last_at = DateTimeTZField()

    class Meta:
        schema = "auth"
        table_name = "known_places"
        primary_key = CompositeKey("user", "place")


class AuditEntry(Model):
    id = UUIDField(primary_key=True)
    user_id = UUIDField()
    event = TextField()
    at = DateTimeTZField()
    address = TextField(null=True)
    user_agent = TextField(null=True)

    class Meta:
        schema = "auth"
        table_name = "audit"


ALL = (
    *(User, Identity, Session, RefreshToken, Revocation, SigningKey),
    *(LetterToken, Letter, Announcement, Attempt, KnownPlace, AuditEntry),
)
