"""The tables of the journal file, as Peewee models: the schema, and the queries that are not hot."""

from peewee import (
    SQL,
    BlobField,
    CompositeKey,
    FloatField,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
)

SCHEMA_VERSION = 3
"""Kept in SQLite's user_version; an older file is brought up to it, a newer one refused."""

UPGRADES = {
    1: (
        "ALTER TABLE task ADD COLUMN announced_version INTEGER NOT NULL DEFAULT 0",
        "UPDATE task SET announced_version = version",
        "CREATE INDEX task_unannounced ON task (finished_at) "
        "WHERE state IN ('completed','failed') AND announced_version < version",
    ),
    2: (
        "DROP INDEX task_unsynced",
        "DROP INDEX task_unannounced",
        "CREATE INDEX task_open ON task (finished_at) "
        "WHERE finished_at IS NOT NULL AND (version > synced_version OR version > announced_version)",
        "ALTER TABLE payload RENAME TO payload_2",
        "CREATE TABLE payload (task_id TEXT NOT NULL PRIMARY KEY, body BLOB NOT NULL, content_type TEXT NOT NULL, "
        "headers TEXT NOT NULL) WITHOUT ROWID",
        "INSERT INTO payload SELECT task_id, body, content_type, headers FROM payload_2",
        "DROP TABLE payload_2",
    ),
}
"""From each version to the next."""


class Task(Model):
    """A task's state. Times are seconds since 1970, UTC."""

    task_id = TextField(primary_key=True)
    task_type = TextField()
    state = TextField(constraints=[SQL("CHECK (state IN ('pending','processing','completed','failed'))")])
    attempt = IntegerField(default=0)
    crashes = IntegerField(default=0)
    version = IntegerField(default=1)
    worker = TextField()
    result = TextField(null=True)
    error_class = TextField(null=True)
    error = TextField(null=True)
    created_at = FloatField()
    started_at = FloatField(null=True)
    finished_at = FloatField(null=True)
    heartbeat_at = FloatField(null=True)
    announced_version = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    synced_version = IntegerField(default=0)
    sync_error = TextField(null=True)

    class Meta:
        table_name = "task"
        without_rowid = True


Task.add_index(Task.index(Task.created_at, name="task_unfinished", where=SQL("state IN ('pending','processing')")))
Task.add_index(
    Task.index(
        Task.finished_at,
        name="task_open",
        where=SQL("finished_at IS NOT NULL AND (version > synced_version OR version > announced_version)"),
    )
)
Task.add_index(
    Task.index(Task.finished_at, name="task_synced", where=SQL("finished_at IS NOT NULL AND version = synced_version"))
)


class Payload(Model):
    """A task's input, beside its row so that the rows stay small; gone once the task is completed."""

    task_id = TextField(primary_key=True)
    body = BlobField()
    content_type = TextField()
    headers = TextField()

    class Meta:
        table_name = "payload"
        without_rowid = True


class Checkpoint(Model):
    """The result of a finished stage of a task, for a rerun to read back."""

    task_id = TextField()
    stage = TextField()
    data = TextField()
    at = FloatField()

    class Meta:
        table_name = "checkpoint"
        primary_key = CompositeKey("task_id", "stage")
        without_rowid = True


TABLES = (Task, Payload, Checkpoint)


def create_schema(database: SqliteDatabase) -> None:
    """Make the tables in a new file. To be called in a transaction."""
    with database.bind_ctx(TABLES):
        database.create_tables(TABLES)
    database.execute_sql(f"PRAGMA user_version={SCHEMA_VERSION}")


def upgrade_schema(database: SqliteDatabase, version: int) -> None:
    """Bring a file of an older version up to this one. To be called in a transaction."""
    for step in range(version, SCHEMA_VERSION):
        for statement in UPGRADES[step]:
            database.execute_sql(statement)
    database.execute_sql(f"PRAGMA user_version={SCHEMA_VERSION}")
