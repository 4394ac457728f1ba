"""Two machines of a cluster, and a client that trusts their pinned keys alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.hosts import HostWorld
from tests.doubles.hosts.client import Shell, running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[HostWorld]:
    """Fresh for each test."""
    with running(tmp_path) as world:
        yield world


@pytest.fixture
def shell(world: HostWorld) -> Shell:
    return Shell(world)


@pytest.fixture
def master(world: HostWorld) -> str:
    return world.first_control_plane


@pytest.fixture
def node(world: HostWorld) -> str:
    return next(name for name in world.hosts if name != world.first_control_plane)
