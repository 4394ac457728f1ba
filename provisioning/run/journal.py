"""The run's journal on disk: JSON lines, only ever appended to, each durable before anything follows from it."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from provisioning.run.errors import JournalCorrupt, JournalUnwritable
from provisioning.run.records import Kind, Record, without_secrets
from provisioning.run.redaction import Redactor


class Journal:
    """One run's records. `append` may be called from any thread; ``show`` hears each record once it is durable.

    Opening a journal that a killed process left behind cuts off a torn last line.
    """

    def __init__(self, path: Path, redactor: Redactor, show: Callable[[Record], None] = lambda record: None) -> None:
        self.path = path
        self.run = path.stem
        self._redactor = redactor
        self._show = show
        self._lock = threading.Lock()
        self._broken = False
        self.records, self._size = read(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)
            _sync_folder(path.parent)
        except OSError as error:
            raise JournalUnwritable(f"{path}: {error.strerror}") from error

    def append(self, kind: Kind, **fields: Any) -> Record:
        """Writes a record and returns once it is on the disk. Raises `JournalUnwritable`; then, and from then on,
        nothing may be acted on."""
        with self._lock:
            if self._broken:
                raise JournalUnwritable(f"{self.path}: an earlier record could not be written")
            record = Record(seq=len(self.records) + 1, at=datetime.now(UTC), run=self.run, kind=kind, **fields)
            record = without_secrets(record, self._redactor)
            self._write((json.dumps(record.as_dict(), ensure_ascii=False) + "\n").encode())
            self.records.append(record)
            self._show(record)
            return record

    def close(self) -> None:
        with self._lock:
            self._broken = True
            os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, line: bytes) -> None:
        try:
            written = 0
            while written < len(line):
                written += os.pwrite(self._file, line[written:], self._size + written)
            os.fsync(self._file)
        except OSError as error:
            # After a failed fsync nobody knows what is on the disk: no record may follow.
            self._broken = True
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise JournalUnwritable(f"{self.path}: {error.strerror}") from error
        self._size += len(line)


def read(path: Path) -> tuple[list[Record], int]:
    """All whole records and the bytes that they take. A last line that cannot be read was being written when the
    process died, so nothing followed from it: it is left out. Raises `JournalCorrupt` for any other."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise JournalUnwritable(f"{path}: {error.strerror}") from error
    torn = lines.pop()
    records: list[Record] = []
    size = 0
    for number, line in enumerate(lines, 1):
        try:
            record = Record.model_validate_json(line)
            if record.seq != number:
                raise ValueError("a record is missing")
        except (ValidationError, ValueError) as error:
            if number == len(lines) and not torn:
                break
            raise JournalCorrupt(f"{path}:{number}: this record cannot be read") from error
        records.append(record)
        size += len(line) + 1
    return records, size


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
