"""The machines answer, are who they should be, have started up, and are fit to carry Kubernetes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from provisioning.phases.fitness import Reached, repositories, unfit
from provisioning.phases.instances import instance_id
from provisioning.run import Action, ErrorClass, ExitCode, Phase, Retry, RunError, Step
from provisioning.scripts import machine
from provisioning.scripts.facts import Facts
from provisioning.scripts.packages import KUBERNETES
from provisioning.site import Site
from provisioning.ssh import Hosts, LoginRefused

# cloud-init's own answers for "it goes on".
_STARTING = ("not started", "not run", "running")
_CLOUD_INIT_S = 540


class HostUnfit(RunError):
    """A machine cannot become a node as it is; the message names every check that failed, with its number."""

    code = "E-HOST-UNFIT"
    exit_code = ExitCode.CONFIGURATION
    cause = (
        "The machine image or the instance type is not the expected one, or something was done to the machine by hand."
    )
    remedy = (
        "Do what each line of the message says, then ./inv rebuild --resume. "
        "A machine that was changed by hand is best replaced: ./inv node.replace NAME"
    )


class Reach(Phase[Reached, Action]):
    """Each machine answers with its pinned host key and lets us become root; once it has started up, it is examined."""

    name = "reach"
    title = "Reach the machines"
    timeout_s = 600.0
    # A machine that starts answers after a minute or two; while it starts, it lets nobody but root in.
    retry = Retry(attempts=20, longest_s=10.0)
    errors = (
        ErrorClass(
            LoginRefused,
            LoginRefused.code,
            True,
            LoginRefused.cause,
            LoginRefused.remedy,
            LoginRefused.exit_code,
        ),
    )

    def __init__(self, site: Site, hosts: Hosts) -> None:
        super().__init__(site.nodes)
        self._site = site
        self._hosts = hosts

    def inputs(self, node: str | None) -> Any:
        return [instance_id(self._site, node), str(self._site.cluster.kubernetes.version)]

    def facts(self, step: Step) -> Reached:
        """Raises `HostUnfit` for a machine that has started up and fails a check."""
        node = _named(step.node)
        text = self._hosts.run(step, node, machine.facts(repositories(self._site.cluster), KUBERNETES))
        reached = Reached.read(Facts.read(node, text), now=time.time())
        if reached.cloud_init not in _STARTING and (found := unfit(self._site.cluster, reached)):
            raise HostUnfit("\n".join(found))
        return reached

    def plan(self, facts: Reached) -> Sequence[Action]:
        if facts.cloud_init in _STARTING:
            return [Action(id="cloud-init", title="wait until cloud-init has ended")]
        return []

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        self._hosts.run(step, _named(step.node), machine.wait_for_cloud_init(_CLOUD_INIT_S))


def _named(node: str | None) -> str:
    assert node is not None
    return node
