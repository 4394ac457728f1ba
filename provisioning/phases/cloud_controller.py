"""The phase ``cloud-controller``: AWS knows the nodes. Without it no pod of ours is scheduled at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.kubernetes.components import CLOUD_CONTROLLER, UNINITIALIZED
from provisioning.kubernetes.release_plan import ReleaseFacts, ensured, release_actions
from provisioning.phases.component import ComponentPhase
from provisioning.run import Action, ExitCode, RunError, Step

_LOOK_S = 1.0


class ForeignMachine(RunError):
    """A Node's providerID is that of another machine than Terraform made for it."""

    code = "E-PROVIDER-ID"
    exit_code = ExitCode.KUBERNETES
    cause = "The machine was replaced, and its Node is still that of the old one; a providerID cannot be changed."
    remedy = "./inv node.replace NAME: its machine joins as a new Node."


class NotInitialized(RunError):
    """The cloud controller manager runs and has not initialized every node."""

    code = "E-CLOUD-CONTROLLER"
    exit_code = ExitCode.KUBERNETES
    transient = True
    cause = "It cannot ask AWS: the control plane's role, or the way out of the VPC, is missing."
    remedy = "./inv rebuild --only terraform, then go on with --resume."


@dataclass(frozen=True)
class Facts:
    """The release; node -> what is missing of it."""

    release: ReleaseFacts
    missing: dict[str, str]


class CloudController(ComponentPhase[Facts, Action]):
    """Installs the cloud controller manager and waits until it has initialized every node that has registered."""

    name = "cloud-controller"
    title = "Cloud controller manager"
    release = CLOUD_CONTROLLER
    timeout_s = 600.0

    def facts(self, step: Step) -> Facts:
        missing = self._missing(step)
        return Facts(self.release_facts(step), missing)

    def plan(self, facts: Facts) -> Sequence[Action]:
        actions: list[Action] = list(release_actions([facts.release]))
        if facts.missing:
            actions.append(Action(id="initialized", title=f"wait for AWS's word on {', '.join(facts.missing)}"))
        return actions

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        ensured(self._helm, step, actions)
        while missing := self._missing(step):
            if step.remaining_s <= 2 * _LOOK_S:
                raise NotInitialized("\n".join(f"{node} {what}" for node, what in missing.items()))
            step.wait(_LOOK_S)

    def _missing(self, step: Step) -> dict[str, str]:
        """Raises `ForeignMachine`."""
        machines = self._site.machines()
        missing: dict[str, str] = {}
        foreign = []
        for node in self._kubectl.get(step, "nodes")["items"]:
            name, spec = node["metadata"]["name"], node["spec"]
            expected = machines[name].provider_id if name in machines else None
            if (given := spec.get("providerID")) and given != expected:
                foreign.append(f"{name} is {given}, Terraform's machine is {expected or 'none'}")
            elif not given:
                missing[name] = "has no providerID"
            elif any(taint["key"] == UNINITIALIZED for taint in spec.get("taints", [])):
                missing[name] = "is not initialized"
        if foreign:
            raise ForeignMachine("\n".join(foreign))
        return missing
