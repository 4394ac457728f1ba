"""The tables of the schema ``location``; the migrations beside this file say what they may hold."""

from peewee import BooleanField, FloatField, Model, TextField, UUIDField


class Point(Model):
    """Without the column `position`, which PostgreSQL computes and only ``nearest.sql`` reads."""

    id = UUIDField(primary_key=True)
    kind = TextField()
    name = TextField()
    address = TextField()
    lat = FloatField()
    lon = FloatField()
    phone = TextField(null=True)
    hours = TextField(null=True)
    sample = BooleanField(default=False)

    class Meta:
        schema = "location"
        table_name = "points"


ALL = (Point,)
