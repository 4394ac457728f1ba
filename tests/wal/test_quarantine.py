"""A broken journal is set aside, whole and loudly, and its worker goes on with a fresh one."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.wal import programs
from wal import JournalError, WALManager
from wal.errors import JournalBroken
from wal.file import quarantined
from wal.metrics import QUARANTINED


@contextmanager
def opened(path: Path) -> Iterator[WALManager]:
    journal = WALManager(path, worker="probe")
    try:
        yield journal
    finally:
        journal.close()


def fill(path: Path, tasks: int = 300) -> None:
    with opened(path) as journal:
        for number in range(tasks):
            journal.log_task_start(f"t{number:05}", "probe", b"x" * 500)


def spoil(path: Path, at: int, junk: bytes = b"\xde\xad\xbe\xef" * 2048) -> bytes:
    """Write `junk` over a part of the file. Returns what it then is."""
    content = bytearray(path.read_bytes())
    content[at : at + len(junk)] = junk
    path.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize("content", [b"no database at all" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_journal_is_set_aside_as_it_was(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with opened(path) as journal:
        assert journal.log_task_start("t1", "probe", b"").new

    (aside,) = quarantined(path.parent)
    assert aside.read_bytes() == content
    assert aside.name.startswith("probe.db.broken-2")


@pytest.mark.parametrize("at", [0, 4096, 20_000], ids=["header", "second page", "in the middle"])
def test_a_damaged_journal_is_set_aside_as_it_was(path: Path, at: int, caplog: pytest.LogCaptureFixture) -> None:
    fill(path)
    content = spoil(path, at)
    before = QUARANTINED._value.get()

    with caplog.at_level(logging.CRITICAL), opened(path) as journal:
        assert journal.recover_pending_tasks() == []
        assert journal.log_task_start("t00000", "probe", b"").new

    (aside,) = quarantined(path.parent)
    assert aside.read_bytes() == content
    assert QUARANTINED._value.get() == before + 1
    assert str(aside.name) in caplog.text


def test_the_log_beside_a_damaged_journal_goes_with_it(path: Path) -> None:
    """Left behind, it would be applied to the fresh file."""
    source = """
        import os, signal, sys
        from wal import WALManager

        journal = WALManager(sys.argv[1], worker="probe")
        journal.log_task_start("in the log", "probe", b"")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    fill(path)
    program = programs.start(source, path)
    assert program.wait(60) == -9, program.communicate()
    log = Path(f"{path}-wal").read_bytes()
    assert log
    spoil(path, 0)

    with opened(path) as journal:
        assert sum(journal.stats().values()) == 0

    (aside,) = quarantined(path.parent)
    assert Path(f"{aside}-wal").read_bytes() == log


def test_a_sound_journal_is_not_set_aside(path: Path) -> None:
    fill(path)

    with opened(path) as journal:
        assert journal.stats()["pending"] == 300

    assert quarantined(path.parent) == []


def test_a_journal_of_a_later_version_is_not_set_aside(path: Path) -> None:
    fill(path)
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version=99")

    with pytest.raises(JournalError, match="schema version 99"):
        WALManager(path, worker="probe")

    assert quarantined(path.parent) == []


def test_damage_that_shows_while_it_runs_ends_the_worker(path: Path) -> None:
    """Nothing more is journalled into a broken file; the next start sets it aside."""
    fill(path)
    journal = WALManager(path, worker="probe")
    spoil(path, 8192, b"\xff" * 60_000)

    with pytest.raises(JournalBroken):
        [journal.work(f"t{number:05}") for number in range(300)]

    assert "malformed" in str(journal.trouble)
    journal.close()
    with opened(path) as journal:
        assert journal.stats()["pending"] == 0
    assert len(quarantined(path.parent)) == 1
