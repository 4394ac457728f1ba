"""The journal's file: owned by one process, checked, brought to the present schema, set aside when it is broken."""

import fcntl
import logging
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from peewee import PeeweeException, SqliteDatabase

from wal.errors import JournalError, JournalLocked, JournalUnavailable
from wal.metrics import QUARANTINED
from wal.models import SCHEMA_VERSION, create_schema, upgrade_schema

log = logging.getLogger(__name__)

SUFFIXES = ("", "-wal", "-shm")
BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def own(path: Path) -> int:
    """Lock the journal `path` for this process; its folder is made. Returns the descriptor that holds the lock.

    Raises `JournalLocked` when another process owns it, `JournalUnavailable` when the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalUnavailable(f"{path}: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise JournalLocked(f"{path} belongs to another process") from None
    return lock


def prepare(path: Path) -> None:
    """Make the owned file `path` ready to be written; a broken one is put beside it first, and a fresh one made.

    Raises `JournalError` for a file of a later schema, `JournalUnavailable` when the disk refuses.
    """
    try:
        damage = _damage(path)
        if damage is not None:
            _set_aside(path, damage)
        _bring_up(path)
    except (sqlite3.Error, PeeweeException, OSError) as error:
        raise JournalUnavailable(f"{path}: {error}") from error


def is_broken(error: BaseException) -> bool:
    """Whether SQLite says that the file itself is broken, not that the disk refuses."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in BROKEN


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that only reads, for use beside the process that owns the file."""
    return sqlite3.connect(read_only_uri(path), uri=True, isolation_level=None)


def read_only_uri(path: Path) -> str:
    return f"file:{quote(str(path))}?mode=ro"


def size(path: Path) -> int:
    """In bytes; 0 for a file that is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def quarantined(directory: Path) -> list[Path]:
    """The broken journals that were set aside in `directory`, oldest first."""
    return sorted(path for path in directory.glob("*.db.broken-*") if not path.name.endswith(SUFFIXES[1:]))


def _damage(path: Path) -> str | None:
    if not size(path):
        return None
    connection = read_only(path)  # another would tidy up the log beside it, which may hold what the file has lost
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if is_broken(error):
            return str(error)
        raise
    finally:
        connection.close()
    return None if verdict == "ok" else str(verdict)


def _set_aside(path: Path, damage: str) -> None:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = Path(f"{path}.broken-{stamp}")
    for suffix in SUFFIXES:
        if (part := Path(f"{path}{suffix}")).exists():
            part.rename(f"{aside}{suffix}")
    QUARANTINED.inc()
    log.critical(
        "the journal %s is broken (%s) and was put aside as %s. A new one is opened: what was unfinished comes back "
        "from RabbitMQ; outcomes that PostgreSQL did not have yet are in that file alone",
        path, damage, aside.name,
    )  # fmt: skip


def _bring_up(path: Path) -> None:
    database = SqliteDatabase(str(path))
    database.connect()
    try:
        connection: sqlite3.Connection = database.connection()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise JournalError(
                f"{path} has schema version {version}, this code knows {SCHEMA_VERSION}: "
                "run the version of Eco² that wrote it, or move the file away"
            )
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        if version < SCHEMA_VERSION:
            with database.atomic("IMMEDIATE"):
                upgrade_schema(database, version) if version else create_schema(database)
            connection.execute("VACUUM")  # so that a file of before can give space back too
    finally:
        database.close()
