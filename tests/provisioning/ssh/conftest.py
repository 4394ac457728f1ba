"""A node that is a real sshd, and steps that remember what was said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provisioning.cluster import Cluster, load
from provisioning.run import Redactor, Step, Stop
from provisioning.site import Site
from provisioning.ssh import Hosts
from tests.provisioning.cluster.outputs import terraform_nodes
from tests.provisioning.ssh import sshd as servers
from tests.provisioning.ssh.sites import written


@dataclass
class Steps:
    """Makes steps of one run."""

    redactor: Redactor
    stop: Stop = field(default_factory=Stop)
    said: list[str] = field(default_factory=list)

    def __call__(self, timeout_s: float = 20.0, phase: str = "prepare") -> Step:
        return Step(
            phase,
            None,
            attempt=1,
            timeout_s=timeout_s,
            stop=self.stop,
            redactor=self.redactor,
            show=lambda phase, node, line: self.said.append(line),
        )


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[servers.Sshd]:
    servers.needed()
    with servers.running(tmp_path) as server:
        yield server


@pytest.fixture
def site_of(tmp_path: Path) -> Callable[..., Site]:
    """A site whose first control plane is this server, with this host key."""

    def made(server: servers.Sshd, host_key: str | None = None, key_file: Path | None = None) -> Site:
        whole = load()
        access = whole.access.model_copy(update={"user": "root", "key_file": str(key_file or server.key_file)})
        cluster: Cluster = whole.model_copy(update={"access": access})
        nodes = terraform_nodes(cluster)
        first = cluster.of_role("control-plane")[0].name
        nodes[first] |= {"public_ip": server.address, "host_key": host_key or server.host_key}
        return written(cluster, nodes, tmp_path / "site")

    return made


@pytest.fixture
def site(sshd: servers.Sshd, site_of: Callable[..., Site]) -> Site:
    return site_of(sshd)


@pytest.fixture
def node(site: Site) -> str:
    return site.control_plane


@pytest.fixture
def steps(site: Site) -> Steps:
    return Steps(site.redactor)


@pytest.fixture
def hosts(site: Site) -> Iterator[Hosts]:
    with Hosts(site) as opened:
        yield opened
