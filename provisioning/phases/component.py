"""What the phases have in common that install one of the cluster's components with Helm."""

from __future__ import annotations

from typing import Any, TypeVar

from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.components import component
from provisioning.kubernetes.release_plan import ReleaseFacts, release_facts
from provisioning.run import Action, Phase, Step
from provisioning.site import Site

FactsT = TypeVar("FactsT")
ActionT = TypeVar("ActionT", bound=Action)


class ComponentPhase(Phase[FactsT, ActionT]):
    """``release`` is the component's name in the cluster file."""

    release: str

    def __init__(self, site: Site, kubectl: Kubectl, helm: Helm) -> None:
        super().__init__()
        self._site = site
        self._kubectl = kubectl
        self._helm = helm

    def inputs(self, node: str | None) -> Any:
        spec = component(self._site, self.release)
        return {"chart": spec.chart_text, "values": spec.values}

    def release_facts(self, step: Step) -> ReleaseFacts:
        """The release as it should be and as it is."""
        [release] = release_facts(self._helm, step, [component(self._site, self.release)])
        return release
