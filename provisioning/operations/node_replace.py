"""``node.replace``: another machine for one node. Its name, host key, labels and volumes stay; nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.aws import Account
from provisioning.kubernetes import Kubectl
from provisioning.operations.errors import FirstControlPlane, ReplaceTouchesMore
from provisioning.operations.node_drain import TakeOut, refuse_only_control_plane
from provisioning.operations.node_reset import forget_member
from provisioning.phases.images import Images
from provisioning.phases.join import Join
from provisioning.phases.label import Label
from provisioning.phases.prepare import Prepare
from provisioning.phases.reach import Reach
from provisioning.phases.verify import Verify
from provisioning.run import Action, AnyPhase, NotYet, Phase, Retry, Step
from provisioning.site import OutputsUnreadable, Site
from provisioning.ssh import Hosts
from provisioning.terraform.changes import Change, Planned
from provisioning.terraform.runner import Terraform


@dataclass(frozen=True)
class Machines:
    """The machine that stands in Terraform's state, and whether outputs.json says the same; the plan that replaces it,
    None when it has been replaced."""

    instance: str | None
    written: bool
    planned: Planned | None


class ReplaceMachine(Phase[Machines, Action]):
    """Terraform makes the instance anew; ``old`` is the id of the one that has to go."""

    name = "machine"
    timeout_s = 1800.0
    retry = Retry(attempts=4, first_s=5.0, longest_s=60.0)

    def __init__(self, site: Site, terraform: Terraform, hosts: Hosts, node: str, old: str) -> None:
        super().__init__([node])
        self.title = f"Another machine for {node}"
        self._site = site
        self._terraform = terraform
        self._hosts = hosts
        self._node = node
        self._old = old
        self._planned: Planned | None = None

    def inputs(self, node: str | None) -> Any:
        return {"old": self._old}

    def facts(self, step: Step) -> Machines:
        self._terraform.ready(step)
        outputs = self._terraform.outputs(step)
        instance = outputs.get("nodes", {}).get(self._node, {}).get("instance_id")
        self._planned = None
        if instance in (self._old, None):
            self._planned = self._terraform.plan(step, replace=[f'module.node["{self._node}"].aws_instance.this'])
            self._refuse_more(self._planned)
        return Machines(instance, self._is_written(instance), self._planned)

    def plan(self, facts: Machines) -> Sequence[Action]:
        if facts.planned is not None:
            return [
                Action(id=change.id, title=change.title, destructive=change.destroys)
                for change in facts.planned.changes
            ]
        if not facts.written:
            return [Action(id="outputs", title=f"write the new machine's addresses to {self._site.outputs_file.name}")]
        return ()

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        if self._planned is not None:
            forget_member(self._site, self._hosts, step, self._node)
            agreed = {action.id for action in actions if action.destructive}
            self._terraform.apply(step, self._planned, agreed=agreed)
        else:
            self._terraform.write_outputs(self._terraform.outputs(step))

    def _refuse_more(self, planned: Planned) -> None:
        """Raises `ReplaceTouchesMore` where Terraform would do something to the rest of the cluster too."""
        more = [change for change in planned.changes if not self._may(change)]
        if more:
            raise ReplaceTouchesMore("; ".join(change.title for change in more))

    def _may(self, change: Change) -> bool:
        if change.address.startswith(f'module.node["{self._node}"]'):
            return True
        # Names and allow-lists hold a control plane's addresses.
        is_control_plane = self._site.cluster.node(self._node).role == "control-plane"
        return is_control_plane and change.verb == "change"

    def _is_written(self, instance: str | None) -> bool:
        try:
            return self._site.outputs().nodes.get(self._node, {}).get("instance_id") == instance
        except (NotYet, OutputsUnreadable):
            return False


def replace_phases(
    site: Site,
    hosts: Hosts,
    kubectl: Kubectl,
    account: Account,
    terraform: Terraform,
    node: str,
    *,
    old: str,
    drain_s: float,
) -> list[AnyPhase]:
    """The phases of ``node.replace``; those that go through the nodes are to be limited to this one.

    Raises `OnlyControlPlane` (another machine would be another cluster) and `FirstControlPlane`.
    """
    refuse_only_control_plane(site, node)
    if node == site.control_plane:
        raise FirstControlPlane(f"{node} is the first control plane of {site.cluster.name}")
    return [
        TakeOut(site, kubectl, node, why="replace", drain_s=drain_s, instance=old),
        ReplaceMachine(site, terraform, hosts, node, old),
        Reach(site, hosts),
        Prepare(site, hosts),
        Images(site, hosts),
        Join(site, hosts, kubectl),
        Label(site, kubectl),
        Verify(site, kubectl, hosts, account),
    ]
