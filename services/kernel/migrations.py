"""Versioned migrations, one PostgreSQL schema a domain: ``python -m services.kernel.migrations up|down|status``.

The steps are SQL files in ``<domain>/migrations/`` (with a ``.rollback.sql`` beside each); yoyo keeps
the list of what was applied inside the same schema.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql
from yoyo import get_backend, read_migrations

from services.kernel.config import ConfigError, load

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


def down(url: str, schema: str) -> Iterator[str]:
    """Take back the last step of one schema. Its data goes with it."""
    domain = next((domain for domain in domains() if domain.schema == schema), None)
    if domain is None:
        raise ValueError(f"no schema {schema}: {', '.join(domain.schema for domain in domains())}")
    with get_backend(_in_url(url, schema)) as backend, backend.lock():
        for migration in backend.to_rollback(read_migrations(str(domain.folder)))[:1]:
            backend.rollback_one(migration)
            yield f"{schema}: took back {migration.id}"


def status(url: str) -> Iterator[str]:
    """A line a migration: applied or pending."""
    for domain in domains():
        with get_backend(_in_url(url, domain.schema)) as backend:
            migrations = read_migrations(str(domain.folder))
            pending = {migration.id for migration in backend.to_apply(migrations)}
            for migration in migrations:
                yield f"{domain.schema}: {'pending' if migration.id in pending else 'applied'} {migration.id}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="migrations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="apply what is missing")
    commands.add_parser("status", help="list the migrations")
    commands.add_parser("down", help="take back the last step of a schema").add_argument("schema")
    options = parser.parse_args(arguments)
    try:
        url = str(load().database_url)
        steps = {"up": up, "status": status}.get(options.command)
        lines = list(steps(url) if steps else down(url, options.schema))
    except (ConfigError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except psycopg2.OperationalError as error:
        print(f"PostgreSQL (ECO2_DATABASE_URL) cannot be reached: {error}", file=sys.stderr)
        return 4
    print("\n".join(lines) or "nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
