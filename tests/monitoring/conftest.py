"""The rendered chart, and every other release of ours beside it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from provisioning.cluster.loading import load
from provisioning.cluster.model import Cluster
from provisioning.kubernetes.binaries import tools
from provisioning.local import packages
from tests.charts.rendering import Manifest, parsed, text_of
from tests.charts.values import release as release_of
from tests.monitoring.chart import THANOS, release


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' own checker."""
    found = packages.require(("prometheus",), say=print).promtool
    assert found is not None
    return found


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return load()


@pytest.fixture(scope="session")
def program(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real helm."""
    return tools(cluster, tmp_path_factory.mktemp("bin")).helm.path


@pytest.fixture(scope="session")
def made(program: Path) -> list[Manifest]:
    """What charts/monitoring makes."""
    return parsed(text_of(program, release()))


@pytest.fixture(scope="session")
def with_thanos(program: Path) -> list[Manifest]:
    return parsed(text_of(program, release(thanos=THANOS)))


@pytest.fixture(scope="session")
def of_release(cluster: Cluster, program: Path) -> Callable[[str], list[Manifest]]:
    """The name of another release of ours -> all its objects."""
    return cache(lambda name: parsed(text_of(program, release_of(cluster, name))))
