"""The tables of scans, uploads and feedback; their rules stand in ``migrations/``."""

from peewee import (
    BooleanField,
    CompositeKey,
    DateTimeField,
    ForeignKeyField,
    IntegerField,
    Model,
    SmallIntegerField,
    TextField,
    UUIDField,
)
from playhouse.postgres_ext import BinaryJSONField


class Scan(Model):
    """One photo's way to an answer."""

    id = UUIDField(primary_key=True)
    owner = UUIDField(null=True)
    scope = TextField()
    idempotency_key = TextField(null=True)
    request_sha256 = TextField()
    language = TextField()
    region = TextField(null=True)
    state = TextField()
    stage = TextField()
    percent = SmallIntegerField()
    image_key = TextField(null=True)
    image_bytes = IntegerField(null=True)
    image_width = IntegerField(null=True)
    image_height = IntegerField(null=True)
    imported = BooleanField(default=False)
    result = BinaryJSONField(null=True)
    error_code = TextField(null=True)
    error_detail = TextField(null=True)
    created_at = DateTimeField()
    updated_at = DateTimeField()
    finished_at = DateTimeField(null=True)
    requeued_at = DateTimeField(null=True)

    class Meta:
        schema = "waste"
        table_name = "scans"


class Feedback(Model):
    """A viewer's word on the answer of a scan."""

    scan = ForeignKeyField(Scan)
    viewer = UUIDField()
    verdict = TextField()
    item_id = TextField(null=True)
    comment = TextField(null=True)
    created_at = DateTimeField()
    updated_at = DateTimeField()

    class Meta:
        schema = "waste"
        table_name = "feedback"
        primary_key = CompositeKey("scan", "viewer")


class Upload(Model):
    """A photo that a client puts into the object store itself, under ``uploads/<id>``."""

    id = UUIDField(primary_key=True)
    owner = UUIDField(null=True)
    scope = TextField()
    state = TextField()
    content_type = TextField()
    bytes = IntegerField()
    scan_id = UUIDField(null=True)
    created_at = DateTimeField()
    expires_at = DateTimeField()

    class Meta:
        schema = "waste"
        table_name = "uploads"


class Erasure(Model):
    """A user who is gone, as long as somebody may still hold a token of theirs."""

    user_id = UUIDField(primary_key=True)
    asked_at = DateTimeField()

    class Meta:
        schema = "waste"
        table_name = "erasures"


ALL = (Scan, Feedback, Upload, Erasure)
