"""The phase ``load-balancer``: an Ingress becomes a load balancer. The controller that makes it."""

from __future__ import annotations

from collections.abc import Sequence

from provisioning.kubernetes.components import LOAD_BALANCER
from provisioning.kubernetes.release_plan import EnsureRelease, ReleaseFacts, ensured, release_actions
from provisioning.phases.component import ComponentPhase
from provisioning.run import NotYet, Step


class LoadBalancer(ComponentPhase[ReleaseFacts, EnsureRelease]):
    """Installs the load balancer controller and waits until its pods, whose webhook all Ingresses pass, are ready."""

    name = "load-balancer"
    title = "Load balancer controller"
    release = LOAD_BALANCER
    timeout_s = 900.0

    def facts(self, step: Step) -> ReleaseFacts:
        namespace = self._site.cluster.releases[self.release].namespace
        if not self._kubectl.exists(step, "namespace", namespace):
            raise NotYet(f"the namespace {namespace} is not there yet")
        return self.release_facts(step)

    def plan(self, facts: ReleaseFacts) -> Sequence[EnsureRelease]:
        return release_actions([facts])

    def act(self, step: Step, actions: Sequence[EnsureRelease]) -> None:
        ensured(self._helm, step, actions)
