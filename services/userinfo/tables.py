"""The tables of the schema ``userinfo``; the migrations beside this file say what they may hold."""

from peewee import (
    BlobField,
    BooleanField,
    CompositeKey,
    DateField,
    FloatField,
    IntegerField,
    Model,
    TextField,
    UUIDField,
)
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField


class Profile(Model):
    user_id = UUIDField(primary_key=True)
    nickname = TextField()
    bio = TextField(default="")
    region = TextField(null=True)
    language = TextField(default="ko")
    units = TextField(default="metric")
    notify_results = BooleanField(default=True)
    notify_weekly = BooleanField(default=False)
    notify_news = BooleanField(default=False)
    on_leaderboard = BooleanField(default=False)
    avatar_key = TextField(null=True)
    avatar_change = UUIDField(null=True)
    created_at = DateTimeTZField()
    updated_at = DateTimeTZField()

    class Meta:
        schema = "userinfo"
        table_name = "profiles"


class Activity(Model):
    scan_id = UUIDField(primary_key=True)
    user_id = UUIDField()
    item_id = TextField(null=True)
    major = TextField(null=True)
    kind = TextField(null=True)
    confidence = FloatField(null=True)
    insufficiencies = BinaryJSONField(index=False)
    points = IntegerField()
    completed_at = DateTimeTZField()
    recorded_at = DateTimeTZField()

    class Meta:
        schema = "userinfo"
        table_name = "activities"


class Points(Model):
    """An entry of the ledger."""

    scan_id = UUIDField()
    reason = TextField()
    user_id = UUIDField()
    amount = IntegerField()
    earned_at = DateTimeTZField()
    booked_at = DateTimeTZField()

    class Meta:
        schema = "userinfo"
        table_name = "points"
        primary_key = CompositeKey("scan_id", "reason")


class Score(Model):
    """The sum of a user's entries of a week. The database keeps it."""

    user_id = UUIDField()
    week = DateField()
    points = IntegerField()
    shown = BooleanField()

    class Meta:
        schema = "userinfo"
        table_name = "scores"
        primary_key = CompositeKey("user_id", "week")


class Collected(Model):
    """A character that a user has."""

    user_id = UUIDField()
    character = TextField()
    scan_id = UUIDField(null=True)
    awarded_at = DateTimeTZField()

    class Meta:
        schema = "userinfo"
        table_name = "characters"
        primary_key = CompositeKey("user_id", "character")


class Erased(Model):
    """A user whose account was deleted."""

    user_sha256 = BlobField(primary_key=True)
    erased_at = DateTimeTZField()

    class Meta:
        schema = "userinfo"
        table_name = "erased"


class DeletedScan(Model):
    scan_id = UUIDField(primary_key=True)
    deleted_at = DateTimeTZField()

    class Meta:
        schema = "userinfo"
        table_name = "deleted_scans"


ALL = (Profile, Activity, Points, Score, Collected, Erased, DeletedScan)
