"""Versioned migrations, one PostgreSQL schema a domain: ``python -m services.kernel.migrations up|down|status``.

The steps are SQL files in ``<domain>/migrations/`` (with a ``.rollback.sql`` beside each); yoyo keeps
the list of what was applied inside the same schema. ``up`` then gives each schema's role its rights anew, so that they
reach the tables that have come. Exit codes: 1 refused, 2 a setting or argument is wrong, 4 PostgreSQL is away.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql
from yoyo import get_backend, read_migrations

from services.kernel import roles
from services.kernel.config import Config, ConfigError, load
from services.kernel.roles import RolesError

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Domain:
    """A schema and the folder with its migrations."""

    schema: str
    folder: Path


def domains() -> list[Domain]:
    """Every domain that has migrations; the journal's own tables live in the schema ``tasks``."""
    found = [Domain(folder.parent.name, folder) for folder in sorted(ROOT.glob("services/*/migrations"))]
    return [*found, Domain("tasks", ROOT / "wal" / "migrations")]


def _in_url(url: str, schema: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}schema={schema}"


def up(url: str) -> Iterator[str]:
    """Apply what is missing in each schema. Yields a line for each step."""
    for domain in domains():
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(domain.schema)))
        connection.close()
        with get_backend(_in_url(url, domain.schema)) as backend, backend.lock():
            for migration in backend.to_apply(read_migrations(str(domain.folder))):
                backend.apply_one(migration)
                yield f"{domain.schema}: applied {migration.id}"


def grant_roles(url: str) -> None:
    """Give every schema's role its rights, once all migrations are applied. Raises `RolesError`."""
    roles.grant(url, [domain.schema for domain in domains()])


def down(url: str, schema: str) -> Iterator[str]:
    """Take back the last step of one schema. Its data goes with it. Raises ValueError where there is none."""
    domain = next((domain for domain in domains() if domain.schema == schema), None)
    if domain is None:
        raise ValueError(f"no schema {schema}: {', '.join(domain.schema for domain in domains())}")
    if schema not in _there(url):
        raise ValueError(f"the database has no schema {schema} yet; ./inv db.migrate brings it")
    with get_backend(_in_url(url, schema)) as backend, backend.lock():
        for migration in backend.to_rollback(read_migrations(str(domain.folder)))[:1]:
            backend.rollback_one(migration)
            yield f"{schema}: took back {migration.id}"


def status(url: str) -> Iterator[str]:
    """A line a migration: applied or pending."""
    there = _there(url)
    for domain in domains():
        if domain.schema not in there:
            yield from (f"{domain.schema}: pending {one.id}" for one in read_migrations(str(domain.folder)))
            continue
        with get_backend(_in_url(url, domain.schema)) as backend:
            migrations = read_migrations(str(domain.folder))
            pending = {migration.id for migration in backend.to_apply(migrations)}
            for migration in migrations:
                yield f"{domain.schema}: {'pending' if migration.id in pending else 'applied'} {migration.id}"


def _there(url: str) -> set[str]:
    """The schemas that the database has."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace")
        return {name for (name,) in cursor.fetchall()}


def owners_url(settings: Config) -> str:
    """With which URL the owner logs in. Raises `ConfigError` where the settings say that there is no database."""
    if settings.database_url is None:
        raise ConfigError("database_url (environment: ECO2_DATABASE_URL) is none: the database's owner is needed")
    return str(settings.database_url)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="migrations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="apply what is missing")
    commands.add_parser("status", help="list the migrations")
    commands.add_parser("down", help="take back the last step of a schema").add_argument("schema")
    options = parser.parse_args(arguments)
    try:
        settings = load()
        url = owners_url(settings)
        steps = {"up": up, "status": status}.get(options.command)
        lines = list(steps(url) if steps else down(url, options.schema))
        print("\n".join(lines) or "nothing to do", flush=True)
        if options.command == "up" and settings.database_roles:
            grant_roles(url)
    except (ConfigError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except RolesError as error:
        print(f"the migrations are applied, but there are no roles: {error}", file=sys.stderr)
        return 1
    except psycopg2.OperationalError as error:
        print(f"PostgreSQL (ECO2_DATABASE_URL) cannot be reached: {error}", file=sys.stderr)
        return 4
    if options.command == "status" and any(": pending " in line for line in lines):
        print("./inv db.migrate applies what is pending", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
