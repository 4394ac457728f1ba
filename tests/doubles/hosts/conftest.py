"""Two machines of a cluster, and a client that trusts their pinned keys alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doubles.hosts import HostWorld, Unavailable, equipped, new_site
from tests.doubles.hosts.client import Shell


@contextmanager
def running(folder: Path) -> Iterator[HostWorld]:
    """The control plane and one node, which is nobody's yet. Skips where this machine cannot carry them."""
    site = new_site(folder / "site")
    machines = equipped(site)
    names = [site.control_plane, next(name for name in site.nodes if name != site.control_plane)]
    try:
        with HostWorld(site, {name: machines[name] for name in names}, root=folder / "hosts") as world:
            yield world
    except Unavailable as reason:
        pytest.skip(str(reason))


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
