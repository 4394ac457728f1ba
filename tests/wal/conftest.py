"""A journal in a file of its own for each test, and the parts alone: no other worker runs beside those of the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel import migrations
from tests.stack import TestStack, started
from wal import WALManager


@pytest.fixture(scope="session")
def stack() -> Iterator[TestStack]:
    """The parts, with every schema in place."""
    with started("--no-services") as parts:
        list(migrations.up(parts.settings["ECO2_DATABASE_URL"]))
        yield parts


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
