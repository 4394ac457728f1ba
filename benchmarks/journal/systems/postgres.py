"""Asking PostgreSQL how far a system is."""

import os
from functools import cache
from typing import Any

import psycopg2


def database(name: str) -> str:
    """The URL of a database beside ours."""
    return os.environ["ECO2_DATABASE_URL"].rpartition("/")[0] + "/" + name


def query(url: str, statement: str) -> int:
    """The number that `statement` selects, or 0 when it selects nothing."""
    with _connection(url).cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0]) if cursor.description else 0


@cache
def _connection(url: str) -> Any:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection
