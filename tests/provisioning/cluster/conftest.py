"""Two cluster files: the product's own, and a small one whose lines the tests count."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning.cluster.loading import examine_text, load
from provisioning.cluster.machines import Machine, machines
from provisioning.cluster.model import Cluster
from tests.provisioning.cluster.outputs import terraform_nodes

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def small_text() -> str:
    return (HERE / "small.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def small(small_text: str) -> Cluster:
    examined = examine_text(small_text)
    assert examined.cluster is not None, examined.errors
    return examined.cluster


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The product's own."""
    return load()


@pytest.fixture(scope="session")
def made() -> Callable[[Cluster], dict[str, Machine]]:
    """Machines as Terraform's output names them, for each node of a cluster."""
    return lambda cluster: machines(cluster, terraform_nodes(cluster))


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with a file under ``golden/``; UPDATE_GOLDEN=1 writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = HERE / "golden" / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{name} changed; if that is meant, run with UPDATE_GOLDEN=1"

    return compare
