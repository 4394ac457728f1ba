"""A journal in a file of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from wal import WALManager


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's journal is."""
    return tmp_path / "probe.db"


@pytest.fixture
def journal(path: Path) -> Iterator[WALManager]:
    """An empty, open journal."""
    opened = WALManager(path, worker="probe-1")
    yield opened
    opened.close()
