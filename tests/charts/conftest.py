"""The real helm, the product's own cluster file, and each release rendered once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from provisioning.cluster.loading import load
from provisioning.cluster.model import Cluster
from provisioning.kubernetes.binaries import tools
from tests.charts.rendering import Manifest, parsed, text_of
from tests.charts.values import release

Rendered = Callable[[str], list[Manifest]]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return load()


@pytest.fixture(scope="session")
def helm(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tools(cluster, tmp_path_factory.mktemp("bin")).helm.path


@pytest.fixture(scope="session")
def rendered(cluster: Cluster, helm: Path) -> Rendered:
    """A release's name -> all its objects, with hooks and tests."""
    return cache(lambda name: parsed(text_of(helm, release(cluster, name))))
