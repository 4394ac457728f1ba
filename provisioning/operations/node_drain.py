"""Taking one node out of the cluster: no new pods, none left, no Node; what `reset` and `replace` begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.kubernetes import Kubectl
from provisioning.kubernetes.errors import ApiUnreachable
from provisioning.operations.errors import OnlyControlPlane
from provisioning.operations.nodes import NodeState, cordon, delete_node, drain, node_states
from provisioning.run import Action, NotYet, Phase, Step
from provisioning.site import Site


@dataclass(frozen=True)
class InCluster:
    """The Node as the API shows it, None where there is none (or nobody left to ask)."""

    node: NodeState | None


def refuse_only_control_plane(site: Site, name: str) -> None:
    """Raises `OnlyControlPlane`."""
    if [node.name for node in site.cluster.of_role("control-plane")] == [name]:
        raise OnlyControlPlane(f"{name} is the only control plane of {site.cluster.name}")


class TakeOut(Phase[InCluster, Action]):
    """Empties a node and deletes its Node object.

    A node that is not Ready cannot end its pods: it is not emptied, its Node goes, and Kubernetes makes the pods anew
    elsewhere. ``instance`` limits this to the Node of that machine: a newer one of the name is left alone.
    ``without_api`` is for the end of a whole cluster, whose API need not answer.
    """

    name = "take-out"
    timeout_s = 1200.0

    def __init__(
        self,
        site: Site,
        kubectl: Kubectl,
        node: str,
        *,
        why: str,
        drain_s: float = 600.0,
        instance: str | None = None,
        without_api: bool = False,
    ) -> None:
        super().__init__([node])
        self.title = f"Take {node} out of the cluster"
        self._site = site
        self._kubectl = kubectl
        self._why = why
        self._drain_s = drain_s
        self._instance = instance
        self._without_api = without_api

    def inputs(self, node: str | None) -> Any:
        return {"why": self._why, "instance": self._instance}

    def facts(self, step: Step) -> InCluster:
        assert step.node is not None
        try:
            state = node_states(self._kubectl, step).get(step.node)
        except (ApiUnreachable, NotYet):
            if not self._without_api:
                raise
            return InCluster(None)
        if state is not None and self._instance is not None and self._is_another(state):
            state = None
        return InCluster(state)

    def plan(self, facts: InCluster) -> Sequence[Action]:
        node = facts.node
        if node is None:
            return ()
        actions = []
        if node.ready and not self._without_api:
            title = f"evict its pods (within {self._drain_s:.0f} s); what they keep in emptyDir volumes is lost"
            actions.append(Action(id="drain", title=title, destructive=True))
        elif not node.ready:
            actions.append(Action(id="abandon", title="leave its pods: it is not Ready and cannot end them"))
        return [*actions, Action(id="delete", title=f"delete the Node {node.name} from the API", destructive=True)]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        ids = {action.id for action in actions}
        state = node_states(self._kubectl, step).get(step.node)
        if state is None:
            return
        cordon(self._kubectl, step, state, self._why)
        if "drain" in ids:
            drain(self._kubectl, step, step.node, timeout_s=self._drain_s, force=True)
        step.safe_point()
        delete_node(self._kubectl, step, step.node)

    def _is_another(self, state: NodeState) -> bool:
        return bool(state.provider_id) and state.provider_id.rpartition("/")[2] != self._instance
