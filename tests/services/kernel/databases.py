"""Databases beside the stack's own, and modules run on them as ./inv runs them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg2
from psycopg2 import sql

from services.kernel import migrations
from services.kernel.migrations import domains
from tests.stack import ROOT, TestStack


@contextmanager
def database(stack: TestStack, template: str = "template1", owner: str = "eco2") -> Iterator[str]:
    """The URL of a new database, a copy of the one that the URL `template` names.

    In the end it is dropped, and with it the roles of its schemas, which are the whole server's.
    """
    name = f"test_{uuid4().hex}"
    url = stack.settings["ECO2_DATABASE_URL"]
    source = urlsplit(template).path.strip("/")
    run(
        url,
        sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(*map(sql.Identifier, (name, source, owner))),
    )
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        run(url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for (role,) in run(url, "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", f"{name}_"):
            run(url, sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def migrate(url: str) -> list[str]:
    """What ./inv db.migrate does: the steps, then the roles' rights. Returns a line for each step."""
    lines = list(migrations.up(url))
    migrations.grant_roles(url)
    return lines


def run(url: str, statement: str | sql.Composable, *values: object) -> list[tuple[Any, ...]]:
    """Execute outside of a transaction, and fetch what it returns."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


def module(
    stack: TestStack, url: str, name: str, *words: object, stdin: int = subprocess.DEVNULL, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a module of ours on the database `url`."""
    settings = {**stack.settings, "ECO2_DATABASE_URL": url, **environment}
    return subprocess.run(
        [sys.executable, "-m", name, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        stdin=stdin,
    )


def steps(schema: str) -> int:
    """How many migrations a schema has."""
    [folder] = [domain.folder for domain in domains() if domain.schema == schema]
    return len([file for file in folder.glob("*.sql") if not file.name.endswith(".rollback.sql")])
