"""The tables of the schema ``location``; the migrations beside this file say what they may hold."""

from peewee import BooleanField, FloatField, Model, TextField, UUIDField


class Point(Model):
    """A collection point, without the columns that PostgreSQL computes for its indexes."""

    id = UUIDField(primary_key=True)
    kind = TextField()
    name = TextField()
    address = TextField()
    lat = FloatField()
    lon = FloatField()
    phone = TextField(null=True)
    hours = TextField(null=True)
    opening = TextField(null=True)  # int4multirange, as its text
    sample = BooleanField(default=False)

    class Meta:
        schema = "location"
        table_name = "points"


ALL = (Point,)
