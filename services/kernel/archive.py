"""What a backup of our schemas must look like, and which migrations a database has."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from services.kernel.migrations import domains
from services.kernel.postgres_programs import BackupError, environment, follow, program

MIGRATIONS = "_yoyo_migration"

_ENTRY = re.compile(r"^\d+; \d+ \d+ (SCHEMA|TABLE DATA|TABLE) (\S+) (\S+) ", re.MULTILINE)
_CREATED = re.compile(r"^; Archive created at (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Archive:
    """What a checked file holds; `contents` is the list that pg_restore prints of it."""

    created_at: str
    schemas: list[str]
    tables: int
    contents: str


def read(path: Path) -> Archive:
    """Check that `path` is a backup of ours and whole. Raises `BackupError`."""
    if not path.is_file():
        raise BackupError(f"{path} is no file", 2)
    pg_restore = program("pg_restore")
    listing = subprocess.run([pg_restore, "--list", str(path)], capture_output=True, text=True, env=environment())
    if listing.returncode:
        raise BackupError(f"{path} is no backup: {listing.stderr.strip()}")
    entries = _ENTRY.findall(listing.stdout)
    schemas = [name for kind, _, name in entries if kind == "SCHEMA"]
    if not schemas or set(schemas) - {domain.schema for domain in domains()}:
        raise BackupError(f"{path} is no backup of Eco²: its schemas are {', '.join(schemas) or 'none'}")
    if others := {schema for kind, schema, _ in entries if kind != "SCHEMA"} - set(schemas):
        raise BackupError(f"{path} has tables of other schemas too: {', '.join(sorted(others))}")
    for schema in schemas:
        if not {("TABLE", schema, MIGRATIONS), ("TABLE DATA", schema, MIGRATIONS)} <= set(entries):
            raise BackupError(f"{path} does not say which migrations of {schema} it has")
    # The list stands at the file's beginning; only who reads all of it knows that the end is there.
    follow([pg_restore, "--file=/dev/null", str(path)])
    created = _CREATED.search(listing.stdout)
    tables = sum(kind == "TABLE" for kind, _, _ in entries)
    return Archive(created[1] if created else "an unknown time", sorted(schemas), tables, listing.stdout)


def applied(connection: Connection, schema: str) -> set[str] | None:
    """The ids of a schema's migrations; None where it is not there."""
    table = sql.Identifier(schema, MIGRATIONS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", (table.as_string(cursor),))
        if cursor.fetchone() == (None,):
            return None
        cursor.execute(sql.SQL("SELECT migration_id FROM {}").format(table))
        return {name for (name,) in cursor.fetchall()}
