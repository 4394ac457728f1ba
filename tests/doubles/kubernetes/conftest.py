"""The double, running, the nodes of the cluster file in it, and the real clients connected to it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from provisioning.cluster import CLUSTER_FILE, Cluster, Machine, load
from provisioning.kubernetes.binaries import unpack
from tests.doubles.charts import ChartRepository
from tests.doubles.kubernetes import KubernetesServer, nodes
from tests.doubles.kubernetes.client import Client
from tests.doubles.kubernetes.components import Components


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bin")
    unpack(folder)
    return folder


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return load(CLUSTER_FILE)


@pytest.fixture(scope="session")
def machines(cluster: Cluster) -> dict[str, Machine]:
    return {
        node.name: Machine(
            instance_id=f"i-{index:017x}",
            zone=node.zone,
            private_ip=cluster.network.subnets[node.zone].network_address + 10 + index,
            public_ip=IPv4Address("198.51.100.1") + index,
            host_key="ssh-ed25519 AAAA",
        )
        for index, node in enumerate(cluster.nodes)
    }


@pytest.fixture
def server() -> Iterator[KubernetesServer]:
    """An API server without a node."""
    with KubernetesServer.standing() as server:
        yield server
        server.settle()


@pytest.fixture
def client(server: KubernetesServer, programs: Path, tmp_path: Path) -> Client:
    return Client(server, programs, tmp_path / "home")


@pytest.fixture
def joined(server: KubernetesServer, cluster: Cluster, machines: dict[str, Machine]) -> KubernetesServer:
    """All nodes have registered and none is ready: there is no network and no cloud controller."""
    nodes.join(server, cluster, machines)
    server.settle()
    return server


@pytest.fixture(scope="module")
def charts() -> Iterator[ChartRepository]:
    with ChartRepository() as charts:
        yield charts


@pytest.fixture
def components(client: Client, cluster: Cluster, charts: ChartRepository, joined: KubernetesServer) -> Components:
    return Components(client, cluster, charts)
