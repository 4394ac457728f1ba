"""The tables of the schema ``userinfo``; the migrations beside this file say what they may hold."""

from peewee import FloatField, IntegerField, Model, TextField, UUIDField
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField


class Profile(Model):
    user_id = UUIDField(primary_key=True)
    nickname = TextField()
    bio = TextField(default="")
    region = TextField(default="")
    language = TextField(default="ko")
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


ALL = (Profile, Activity)
