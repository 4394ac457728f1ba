"""The tables of scans and of what people say of them; their rules stand in ``migrations/``."""

from peewee import (
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
    image_bytes = IntegerField()
    image_width = IntegerField()
    image_height = IntegerField()
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


ALL = (Scan, Feedback)
