"""The tables of the schema ``recycle``; the migrations beside this file say what they may hold."""

from peewee import BigAutoField, IntegerField, Model, TextField
from playhouse.postgres_ext import DateTimeTZField


class Search(Model):
    id = BigAutoField()
    query = TextField()
    hits = IntegerField()
    top_item = TextField(null=True)
    created_at = DateTimeTZField()

    class Meta:
        schema = "recycle"
        table_name = "searches"


ALL = (Search,)
