"""One rebuilt cluster that many tests look at; tests that break one make their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.provisioning.rebuild.world import LONGEST_S, Ran, RebuildWorld


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(LONGEST_S * 2))


@dataclass
class Rebuilt:
    """A world in which a rebuild was planned, run, run again and planned again."""

    world: RebuildWorld
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
        planned = world.run("rebuild", "--plan", "--json")
        by_plan = world.changes()
        first = world.run("rebuild")
        by_first = world.changes()
        second = world.run("rebuild")
        by_second = world.changes()
        again = world.run("rebuild", "--plan")
        yield Rebuilt(world, planned, by_plan, first, by_first, second, by_second, again)
        assert world.violations() == []


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RebuildWorld]:
    with RebuildWorld(tmp_path) as fresh:
        yield fresh
        assert fresh.violations() == []
