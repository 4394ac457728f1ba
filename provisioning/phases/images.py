"""The images that a node starts with are pulled on all nodes at once, before anything waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.cluster.model import CONTROL_PLANE
from provisioning.phases.instances import instance_id
from provisioning.run import Action, ExitCode, NotYet, Phase, RunError, Step
from provisioning.scripts import images
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts, ScriptFailed


class ImagesUnavailable(RunError):
    """An image of Kubernetes could not be pulled on a node."""

    code = "E-IMAGES"
    exit_code = ExitCode.REMOTE_COMMAND
    transient = True
    cause = "registry.k8s.io does not answer or limits how much may be pulled, or the disk is full."
    remedy = (
        "Look at the last lines of its output, then go on with --resume; ./inv rebuild --only reach asks the registry."
    )


@dataclass(frozen=True, kw_only=True)
class Pull(Action):
    image: str


class Images(Phase[Facts, Pull]):
    """kubeadm's images for the version of the cluster file: all on control planes, elsewhere kube-proxy and pause."""

    name = "images"
    title = "Pull Kubernetes' images"
    timeout_s = 1200.0

    def __init__(self, site: Site, hosts: Hosts) -> None:
        super().__init__(site.nodes)
        self._site = site
        self._hosts = hosts
        self._version = site.cluster.kubernetes.version

    def inputs(self, node: str | None) -> Any:
        return [instance_id(self._site, node), str(self._version)]

    def facts(self, step: Step) -> Facts:
        """Raises `NotYet` before the machine is prepared."""
        assert step.node is not None
        facts = Facts.read(step.node, self._hosts.run(step, step.node, images.facts(self._version)))
        if not facts.yes("tools"):
            raise NotYet(f"{step.node} has no kubeadm yet: it has not been prepared")
        return facts

    def plan(self, facts: Facts) -> Sequence[Pull]:
        everything = self._site.cluster.node(facts.node).role == CONTROL_PLANE
        return [
            Pull(id=image, title=f"pull {image}", image=image)
            for image in facts.all("wanted")
            if (everything or images.wanted_everywhere(image)) and image not in facts.all("present")
        ]

    def act(self, step: Step, actions: Sequence[Pull]) -> None:
        """Raises `ImagesUnavailable`."""
        assert step.node is not None
        try:
            self._hosts.run(step, step.node, images.pull([action.image for action in actions]))
        except ScriptFailed as error:
            raise ImagesUnavailable(str(error)) from error
