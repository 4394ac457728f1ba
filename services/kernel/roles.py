"""A PostgreSQL role a schema, with no more rights than its processes need; the owner keeps the rest.

A process logs in as ``<database>_<schema>`` (``eco2_waste``): it may select, insert, update and delete in the tables of
its own schema, and nothing else. The owner, the user of ``ECO2_DATABASE_URL``, runs migrations, backups, restores and
bulk loads. ``database_roles: false`` does without: every process is then the owner.

A role's password is HMAC-SHA256(the owner's password, the role's name). So nothing more is stored or handed round: who
deploys knows all of them, who has one role's password learns no other's, and a new password of the owner's renews them
all (migrate, then restart). It also means that each is only as hard to guess as the owner's: that has to be a random
one. PostgreSQL is told a SCRAM verifier; the password itself is in no statement, no log and no command line.
"""

import hashlib
import hmac
import json
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import encrypt_password
from pydantic import ValidationError

from services.kernel.config import ConfigError, Settings

STATEMENTS = Path(__file__).with_name("roles.sql")
LONGEST_NAME = 63  # bytes; PostgreSQL would cut it off, and two roles be one
OFF = "ECO2_DATABASE_ROLES=false does without roles: every process then logs in as the owner"

ALLOWED = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"


class RolesError(Exception):
    """Why there are no roles, in words; nothing was changed."""


class _Switch(Settings):
    """The one setting; the rest of the configuration wants a process."""

    database_roles: bool


def wanted() -> bool:
    """The setting ``database_roles``. Raises `ConfigError`."""
    try:
        return _Switch().database_roles
    except ValidationError:
        raise ConfigError("database_roles (environment: ECO2_DATABASE_ROLES) is true or false") from None


def role_of(url: str, schema: str) -> str:
    """The name of a schema's role. Roles are the whole server's, so it has the database's in it."""
    name = f"{unquote(urlsplit(url).path.strip('/'))}_{schema}"
    if len(name.encode()) > LONGEST_NAME:
        raise RolesError(f"the role {name} has a longer name than PostgreSQL keeps ({LONGEST_NAME} bytes). {OFF}")
    return name


def url_of(url: str, schema: str) -> str:
    """The URL with which the role of `schema` logs in, made of the owner's."""
    parts = urlsplit(url)
    role = role_of(url, schema)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(role, safe='')}:{_password(url, role)}@{host}"))


def _password(url: str, role: str) -> str:
    owners = urlsplit(url).password
    if not owners:
        raise RolesError(f"ECO2_DATABASE_URL has no password to make those of the roles from. {OFF}")
    return hmac.new(unquote(owners).encode(), role.encode(), hashlib.sha256).hexdigest()


def grant(url: str, schemas: list[str]) -> None:
    """Make the roles of `schemas`, or make them anew what they should be: all of them or nothing.

    The schemas have to be there. Raises `RolesError`.
    """
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(statements(connection, url, schemas))
        except (errors.RaiseException, errors.InsufficientPrivilege) as error:
            raise RolesError(f"{error.diag.message_primary}. {OFF}") from error
        connection.commit()


def statements(connection: Connection, url: str, schemas: list[str]) -> str:
    """What `grant` executes, for a transaction of somebody else's. Raises `RolesError` when it cannot end well."""
    roles = {}
    with connection.cursor() as cursor:
        cursor.execute(ALLOWED)
        if cursor.fetchone() != (True,):
            user = unquote(urlsplit(url).username or "of ECO2_DATABASE_URL")
            raise RolesError(f"the user {user} may not create roles (ALTER ROLE {user} CREATEROLE lets it). {OFF}")
        for schema in schemas:
            role = role_of(url, schema)
            verifier = encrypt_password(_password(url, role), role, connection, "scram-sha-256")
            roles[schema] = {"role": role, "verifier": verifier}
        told = sql.SQL("SELECT set_config('eco2.roles', {}, true);\n").format(sql.Literal(json.dumps(roles)))
        return told.as_string(cursor) + STATEMENTS.read_text(encoding="utf-8")
