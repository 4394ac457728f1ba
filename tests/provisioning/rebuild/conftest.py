"""A world for tests that break something in it; `whole` has one that many tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.provisioning.rebuild.world import LONGEST_S, RebuildWorld


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(LONGEST_S * 2))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RebuildWorld]:
    with RebuildWorld(tmp_path) as fresh:
        yield fresh
        assert fresh.violations() == []
