"""A backup takes the place of our schemas: all of them in one transaction, or nothing at all."""

import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg2
from yoyo import read_migrations

from services.kernel import roles
from services.kernel.archive import Archive, applied, read
from services.kernel.migrations import domains
from services.kernel.postgres_programs import BackupError, database, environment, follow, place, program, say

# Rights name roles, which another server need not have.
COPIED = ("--no-owner", "--no-privileges")
LOCK_WAIT_S = 30  # for a client that keeps a table to itself

CONTENTS = """
SELECT nspname, count(*), pg_size_pretty(sum(pg_total_relation_size(pg_class.oid)))
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = ANY(%s) AND relkind = 'r' GROUP BY nspname ORDER BY nspname
"""
# Of other users' sessions one may see little, but always the user; PostgreSQL's own workers have none.
CLIENTS = """
SELECT coalesce(nullif(application_name, ''), usename), count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL GROUP BY 1 ORDER BY 1
"""
VIEWS = """
SELECT DISTINCT view.oid::regclass::text
FROM pg_depend
JOIN pg_rewrite ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
JOIN pg_class view ON view.oid = ev_class
JOIN pg_class used ON refclassid = 'pg_class'::regclass AND refobjid = used.oid
WHERE used.relnamespace::regnamespace::text = ANY(%(ours)s) AND view.relnamespace::regnamespace::text != ALL(%(ours)s)
"""


def restore(url: str, path: Path, *, yes: bool, connected: bool, with_roles: bool) -> dict[str, Any]:
    """Replace our schemas by those of the backup `path`, all or none of them; what is there now is lost.

    Asks first, unless `yes`; refuses while the database has other clients, unless `connected`. The schemas come back as
    the owner's alone; `with_roles` then gives their roles the rights that are theirs. Raises `BackupError`.
    """
    say(f"checking {path}")
    archive = read(path)
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(CLIENTS)
        clients = ", ".join(f"{name} ({count})" for name, count in cursor.fetchall())
        cursor.execute(CONTENTS, (archive.schemas,))
        there = ", ".join(f"{schema} ({count} tables, {size})" for schema, count, size in cursor.fetchall())
        cursor.execute(VIEWS, {"ours": archive.schemas})
        views = ", ".join(name for (name,) in cursor.fetchall())
        try:
            rights = roles.statements(connection, url, archive.schemas) if with_roles else ""
        except roles.RolesError as error:
            raise BackupError(str(error)) from error
    if views:
        raise BackupError(f"these would go too, and are in no backup of ours: {views}. Drop them first")
    if clients and not connected:
        raise BackupError(
            f"still connected: {clients}. Stop the services (./inv down, then ./inv up --no-services), "
            "or say --connected: they may see errors and keep what they remember"
        )
    say(f"the backup of {archive.created_at} has {', '.join(archive.schemas)}: {archive.tables} tables")
    say(f"in {place(url)} it replaces {there or 'nothing'}")
    if not yes:
        _agree("Replace them? What was written since the backup is lost.")
    _replace(url, path, archive, rights)
    return {"file": str(path), "created_at": archive.created_at, "schemas": archive.schemas, **_migrated(url)}


def _replace(url: str, path: Path, archive: Archive, rights: str) -> None:
    """One transaction: the schemas go whole, with what later migrations have put there, and come back as they were.

    (``pg_restore --clean`` knows only what the backup has: it cannot drop a schema that has got a table since then.)
    psql commits only when pg_restore has ended well; whoever dies before that, the database stays as it is.
    """
    drops = "".join(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE;\n' for schema in archive.schemas)
    # An extension that is there already may be somebody else's, whose comment we may not change.
    entries = [line for line in archive.contents.splitlines() if " COMMENT - EXTENSION " not in line]
    with tempfile.NamedTemporaryFile("w+") as chosen, tempfile.TemporaryFile("w+") as said:
        chosen.write("\n".join(entries) + "\n")
        chosen.flush()
        words = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *database(url)]
        client = subprocess.Popen(
            [program("psql"), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment(url),
            text=True,
        )
        assert client.stdin is not None
        unread: BackupError | None = None
        try:
            client.stdin.write(f"BEGIN;\nSET lock_timeout = '{LOCK_WAIT_S}s';\n{drops}")
            client.stdin.flush()
            source = [program("pg_restore"), *COPIED, "--verbose", f"--use-list={chosen.name}", "--file=-"]
            follow([*source, str(path)], stdout=client.stdin)
            client.stdin.write(f"{rights}\nCOMMIT;\n")
        except BackupError as error:
            unread = error
        except BrokenPipeError:
            pass  # psql has ended, and says why
        finally:
            code = _ended(client)
        said.seek(0)
        errors = "\n".join(line for line in said.read().splitlines() if "NOTICE:" not in line)
        if code or unread:
            raise BackupError(f"nothing was changed: {errors.strip() or unread}")


def _ended(client: subprocess.Popen[str]) -> int:
    assert client.stdin is not None
    with suppress(BrokenPipeError):
        client.stdin.close()
    return client.wait()


def _migrated(url: str) -> dict[str, Any]:
    """How many of our migrations the database has, which are pending, and which it has that we do not know."""
    count, pending, unknown = 0, list[str](), list[str]()
    with closing(psycopg2.connect(url)) as connection:
        for domain in domains():
            there = applied(connection, domain.schema) or set()
            ours = {migration.id for migration in read_migrations(str(domain.folder))}
            count += len(there & ours)
            pending += [f"{domain.schema}: {name}" for name in sorted(ours - there)]
            unknown += [f"{domain.schema}: {name}" for name in sorted(there - ours)]
    return {"applied": count, "pending": pending, "unknown": unknown}


def _agree(question: str) -> None:
    if not sys.stdin.isatty():
        raise BackupError(f"{question} Nobody is there to answer: --yes answers for you")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != "y":
        raise BackupError("nothing was changed")
