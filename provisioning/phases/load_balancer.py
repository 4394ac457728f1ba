"""The phase ``load-balancer``: an Ingress becomes a load balancer. The controller that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.components import LOAD_BALANCER, component
from provisioning.kubernetes.release_plan import (
    EnsureRelease,
    ReleaseFacts,
    component_inputs,
    ensured,
    release_actions,
    release_facts,
)
from provisioning.run import NotYet, Phase, Step
from provisioning.site import Site


class LoadBalancer(Phase[ReleaseFacts, EnsureRelease]):
    """Installs the load balancer controller and waits until its pods, whose webhook all Ingresses pass, are ready."""

    name = "load-balancer"
    title = "Load balancer controller"
    timeout_s = 900.0

    def __init__(self, site: Site, kubectl: Kubectl, helm: Helm) -> None:
        super().__init__()
        self._site = site
        self._kubectl = kubectl
        self._helm = helm

    def inputs(self, node: str | None) -> Any:
        return component_inputs(self._site, LOAD_BALANCER)

    def facts(self, step: Step) -> ReleaseFacts:
        spec = component(self._site, LOAD_BALANCER)
        if not self._kubectl.exists(step, "namespace", spec.namespace):
            raise NotYet(f"the namespace {spec.namespace} is not there yet")
        [release] = release_facts(self._helm, step, [spec])
        return release

    def plan(self, facts: ReleaseFacts) -> Sequence[EnsureRelease]:
        return release_actions([facts])

    def act(self, step: Step, actions: Sequence[EnsureRelease]) -> None:
        ensured(self._helm, step, actions)
