"""``certs.renew``: kubeadm's certificates good for another year; what has read the old ones begins anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from provisioning import private_file
from provisioning.cluster.machines import API_PORT
from provisioning.kubernetes import Kubectl
from provisioning.operations.api import wait_for_api
from provisioning.operations.certificates import Certificate, of_kubeadm
from provisioning.operations.errors import NodeAnswersWrong
from provisioning.operations.scripts import certificates as scripts
from provisioning.phases import kubeconfig
from provisioning.run import Action, Phase, Step
from provisioning.scripts import kubeadm
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts

# kubeadm makes certificates good for 365 days: one that is good for this long was made within the last day.
FRESH = timedelta(days=364)
_API_S = 300.0


@dataclass(frozen=True)
class ControlPlane:
    """The certificates that kubeadm can renew (its authorities are not among them), and the static pods that still run
    with older ones than those on the disk."""

    certificates: tuple[Certificate, ...]
    stale: tuple[str, ...]


class RenewCertificates(Phase[ControlPlane, Action]):
    """One control plane after the other: renews what was not made within the last day, restarts what has read it."""

    name = "renew"
    title = "kubeadm's certificates"
    timeout_s = 1200.0
    parallel = 1
    halt_on_failure = True

    def __init__(self, site: Site, hosts: Hosts, kubectl: Kubectl) -> None:
        super().__init__([node.name for node in site.cluster.of_role("control-plane")])
        self._site = site
        self._hosts = hosts
        self._kubectl = kubectl

    def inputs(self, node: str | None) -> Any:
        return self._site.machines()[node].instance_id if node else None

    def facts(self, step: Step) -> ControlPlane:
        assert step.node is not None
        expiry = Facts.read(step.node, self._hosts.run(step, step.node, scripts.expiry(control_plane=True)))
        listed = of_kubeadm(step.node, expiry.text("kubeadm"), authorities=False)
        ages = Facts.read(step.node, self._hosts.run(step, step.node, scripts.written_and_started()))
        return ControlPlane(tuple(listed), tuple(stale(ages)))

    def plan(self, facts: ControlPlane) -> Sequence[Action]:
        actions = []
        due = datetime.now(UTC) + FRESH
        old = [each for each in facts.certificates if each.expires is None or each.expires < due]
        if old:
            title = f"kubeadm certs renew all: {len(old)} certificates, the first of which ends {_first_end(old)}"
            actions.append(Action(id="renew", title=title))
        if old or facts.stale:
            away = "; the API is away for some seconds" if len(self.nodes or ()) == 1 else ""
            names = ", ".join(scripts.STATIC_PODS if old else facts.stale)
            actions.append(Action(id="restart", title=f"restart {names}{away}", destructive=True))
        return actions

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        names: Sequence[str] = self.facts(step).stale
        if any(action.id == "renew" for action in actions):
            self._hosts.run(step, step.node, scripts.renew())
            names = tuple(scripts.STATIC_PODS)
        self._hosts.run(step, step.node, scripts.restart(names))
        wait_for_api(self._kubectl, step, timeout_s=_API_S)


class OperatorKubeconfig(Phase[bool, Action]):
    """The operator's kubeconfig is the one that the control plane has now."""

    name = "kubeconfig"
    title = "The operator's kubeconfig"
    timeout_s = 120.0

    def __init__(self, site: Site, hosts: Hosts) -> None:
        super().__init__()
        self._site = site
        self._hosts = hosts

    def facts(self, step: Step) -> bool:
        """Whether it is."""
        node = self._site.control_plane
        there = Facts.read(node, self._hosts.run(step, node, kubeadm.control_plane_facts()))
        here = kubeconfig.kept(self._site.kubeconfig)
        return here is not None and here == kubeconfig.Kept(
            server=self._server(),
            ca=there.text("digest.certificate-authority-data"),
            certificate=there.text("digest.client-certificate-data"),
            private=True,
        )

    def plan(self, facts: bool) -> Sequence[Action]:
        return () if facts else [Action(id="fetch", title=f"fetch {self._site.kubeconfig} anew, with its certificate")]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        text = self._hosts.run(step, self._site.control_plane, kubeadm.kubeconfig())
        private_file.write(self._site.kubeconfig, kubeconfig.adapted(text, self._server(), self._site.redactor))

    def _server(self) -> str:
        return f"https://{self._site.hosts()[self._site.control_plane].address}:{API_PORT}"


def stale(ages: Facts) -> list[str]:
    """Static pods whose container is older than a certificate that it has read. Raises `NodeAnswersWrong`."""
    try:
        containers = json.loads(ages.text("containers"))["containers"]
        made = {each["metadata"]["name"]: int(each["createdAt"]) / 1e9 for each in containers}
    except (ValueError, KeyError, TypeError) as error:
        raise NodeAnswersWrong(f"{ages.node}: crictl's list of containers cannot be read") from error
    return [name for name in scripts.STATIC_PODS if made.get(name, 0.0) < ages.number(f"written.{name}")]


def _first_end(certificates: Sequence[Certificate]) -> str:
    ends = [each.expires for each in certificates if each.expires is not None]
    return f"{min(ends):%Y-%m-%d}" if ends else "now: one is missing"
