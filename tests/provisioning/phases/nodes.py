"""A whole cluster of machines that are real sshd with a strict model behind, an API server, and phases run on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster import CLUSTER_FILE
from provisioning.kubernetes import Kubectl
from provisioning.phases.images import Images
from provisioning.phases.init import Init
from provisioning.phases.join import Join
from provisioning.phases.prepare import Prepare
from provisioning.phases.reach import Reach
from provisioning.run import Phase, Retry, Selection, Settings, Step, Stop
from provisioning.run.engine import Agreement, Engine, Result
from provisioning.run.journal import Journal
from provisioning.run.planning import Plan, make_plan
from provisioning.run.selection import choose
from provisioning.run.state import State
from provisioning.site import Site
from provisioning.ssh import Hosts
from tests.doubles.hosts import HostWorld, Unavailable, equipped, new_site
from tests.doubles.kubernetes import KubernetesServer

AnyPhase = Phase[Any, Any]
SMALL = Path(__file__).parents[1] / "cluster" / "small.yaml"


@dataclass
class Rig:
    """The site, its machines and its API server, and a way to run phases as the engine does."""

    site: Site
    world: HostWorld
    api: KubernetesServer
    hosts: Hosts
    kubectl: Kubectl
    folder: Path
    said: list[str] = field(default_factory=list)

    def phases(self) -> list[AnyPhase]:
        """From bare machines to nodes, each tried again as often as ever but without waiting."""
        site, hosts = self.site, self.hosts
        made: list[AnyPhase] = [
            Reach(site, hosts),
            Prepare(site, hosts),
            Images(site, hosts),
            Init(site, hosts),
            Join(site, hosts, self.kubectl),
        ]
        for phase in made:
            phase.retry = Retry(attempts=min(phase.retry.attempts, 6), first_s=0.05, longest_s=0.3)
        return made

    def run(self, *names: str, stop: Stop | None = None) -> Result:
        """Runs these phases (all, where none is named) with a journal of its own."""
        phases = [phase for phase in self.phases() if not names or phase.name in names]
        settings = Settings(
            stop=stop or Stop(),
            redactor=self.site.redactor,
            show=lambda phase, node, line: self.said.append(f"{phase} {node}: {line}"),
        )
        number = len(list(self.folder.glob("run-*")))
        with Journal(self.folder / f"run-{number}.jsonl", self.site.redactor, lambda record: None) as journal:
            return Engine(phases, journal, settings, Agreement(everything=True)).run(choose(phases, Selection()))

    def plan(self) -> Plan:
        """As ``--plan`` makes it."""
        phases = self.phases()
        return make_plan(phases, choose(phases, Selection()), Settings(redactor=self.site.redactor), State())

    def step(self) -> Step:
        """For a call beside the phases."""
        return Step(
            "test", None, attempt=1, timeout_s=30, stop=Stop(), redactor=self.site.redactor, show=lambda *said: None
        )

    def written(self) -> str:
        """All that a run has written or shown."""
        return "\n".join(self.said) + "".join(path.read_text() for path in self.folder.glob("run-*"))

    def logs(self) -> str:
        """What the scripts have logged on the machines."""
        return "".join(
            log.read_text() for host in self.world.hosts.values() for log in host.path("/var/log/eco2").iterdir()
        )

    @property
    def workers(self) -> list[str]:
        return [node.name for node in self.site.cluster.nodes if node.role != "control-plane"]


def failures(result: Result) -> list[tuple[str | None, str | None]]:
    return [(record.node, record.code) for record in result.failures]


@contextmanager
def rigged(folder: Path, cluster_file: Path = CLUSTER_FILE, **world: Any) -> Iterator[Rig]:
    """Skips the test where this machine cannot carry the doubles."""
    site = new_site(folder / "operator", cluster_file)
    machines = equipped(site)
    # Unpacked once for all tests of a run.
    tools = folder.parent / "tools"
    tools.mkdir(exist_ok=True)
    (site.folder.parent / "bin").symlink_to(tools)
    kubectl = Kubectl(site)
    try:
        with (
            KubernetesServer() as api,
            HostWorld(site, machines, api, root=folder / "hosts", kubectl=kubectl.tools.kubectl.path, **world) as made,
            Hosts(site) as hosts,
        ):
            yield Rig(site, made, api, hosts, kubectl, folder)
            assert made.violations == []
    except Unavailable as why:
        pytest.skip(str(why))
