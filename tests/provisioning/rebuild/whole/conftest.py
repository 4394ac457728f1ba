"""One rebuilt cluster that many tests look at. There is one account in a process at a time: no other is beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.provisioning.rebuild.world import Ran, RebuildWorld


@dataclass
class Rebuilt:
    """A world in which a rebuild was planned, run, run again and planned again."""

    world: RebuildWorld
    changes_before: tuple[int, int, int, int]
    planned: Ran
    changes_by_plan: tuple[int, int, int, int]
    first: Ran
    changes_by_first: tuple[int, int, int, int]
    second: Ran
    changes_by_second: tuple[int, int, int, int]
    planned_again: Ran


@pytest.fixture(scope="package")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rebuilt]:
    with RebuildWorld(tmp_path_factory.mktemp("rebuilt")) as world:
        before = world.changes()
        planned = world.run("rebuild", "--plan", "--json")
        by_plan = world.changes()
        first = world.run("rebuild")
        by_first = world.changes()
        second = world.run("rebuild")
        by_second = world.changes()
        again = world.run("rebuild", "--plan")
        yield Rebuilt(world, before, planned, by_plan, first, by_first, second, by_second, again)
        assert world.violations() == []
