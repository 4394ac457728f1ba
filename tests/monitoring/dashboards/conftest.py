"""The dashboards of the product's cluster file, and a small cluster to compare with."""

from pathlib import Path

import pytest

from provisioning.cluster.loading import examine_text, load
from provisioning.cluster.model import Cluster
from provisioning.monitoring.dashboards import dashboards

SMALL = Path(__file__).parents[2] / "provisioning" / "cluster" / "small.yaml"


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return load()


@pytest.fixture(scope="session")
def small() -> Cluster:
    examined = examine_text(SMALL.read_text(encoding="utf-8"))
    assert examined.cluster is not None, examined.errors
    return examined.cluster


@pytest.fixture(scope="session")
def made(cluster: Cluster) -> dict[str, str]:
    return dashboards(cluster)
