"""The phase ``label``: every node is what the cluster file says of it, and its kubelet has a serving certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioning.cluster.model import Node
from provisioning.cluster.registration import role_label
from provisioning.cluster.syntax import Taint
from provisioning.kubernetes import Kubectl
from provisioning.kubernetes.serving_certificates import NodeNames, claims, is_pending, suspicions
from provisioning.kubernetes.shared import Shared
from provisioning.phases.instances import instance_id
from provisioning.run import Action, ExitCode, NotYet, Phase, RunError, Step
from provisioning.site import Site

_LOOK_S = 0.5


class SuspiciousRequest(RunError):
    """Somebody asks for a kubelet's serving certificate that this kubelet would not ask for. It was not approved."""

    code = "E-CSR-SUSPICIOUS"
    exit_code = ExitCode.KUBERNETES
    cause = (
        "A node was taken over and asks for another's name, or the machine's addresses changed since the last apply."
    )
    remedy = (
        "Look at the request (kubectl get csr NAME -o yaml). If it is none of yours: kubectl certificate deny NAME, "
        "and ./inv node.reset the node that sent it. If an address changed: ./inv rebuild --only terraform"
    )


class NoServingCertificate(RunError):
    """A kubelet does not answer the API server: it has no serving certificate, and asks for none."""

    code = "E-CSR-NONE"
    exit_code = ExitCode.KUBERNETES
    transient = True
    cause = "The kubelet is not running, or it runs without serverTLSBootstrap."
    remedy = "./inv rebuild --only prepare,join, then go on with --resume."


@dataclass(frozen=True)
class Facts:
    """What one node lacks of what the file says, and its kubelet's open requests."""

    node: Node
    labels: dict[str, str]
    taints: tuple[Taint, ...]
    requests: tuple[str, ...]
    serves: bool


@dataclass(frozen=True, kw_only=True)
class Change(Action):
    """One call of kubectl."""

    words: tuple[str, ...] = field(default=())


class Label(Phase[Facts, Change]):
    """Sets labels and taints that are missing, and approves what the node's kubelet may have. What others have set
    beside them stays."""

    name = "label"
    title = "Labels, taints, serving certificates"
    timeout_s = 180.0

    def __init__(self, site: Site, kubectl: Kubectl) -> None:
        super().__init__(site.nodes)
        self._site = site
        self._kubectl = kubectl
        self._all = Shared(lambda step: kubectl.items(step, "nodes,certificatesigningrequests"))

    def inputs(self, node: str | None) -> Any:
        chosen = self._site.cluster.node(node or "")
        taints = [str(taint) for taint in chosen.taints]
        return {"machine": instance_id(self._site, node), "labels": chosen.labels, "taints": taints}

    def facts(self, step: Step) -> Facts:
        node = self._site.cluster.node(step.node or "")
        found, requests = self._read(step, node.name)
        has = found["metadata"].get("labels", {})
        wanted = {**node.labels, role_label(node): ""}
        tainted = [(each["key"], each.get("value", ""), each["effect"]) for each in found["spec"].get("taints", [])]
        return Facts(
            node,
            {key: value for key, value in wanted.items() if has.get(key) != value},
            tuple(taint for taint in node.taints if (taint.key, taint.value, taint.effect) not in tainted),
            requests,
            self._kubectl.kubelet_serves(step, node.name),
        )

    def plan(self, facts: Facts) -> Sequence[Change]:
        name = facts.node.name
        actions = []
        if facts.labels:
            labels = [f"{key}={value}" for key, value in sorted(facts.labels.items())]
            words = ("label", "node", name, "--overwrite", *labels)
            actions.append(Change(id="labels", title=f"set the labels {', '.join(labels)}", words=words))
        if facts.taints:
            taints = [str(taint) for taint in facts.taints]
            words = ("taint", "node", name, "--overwrite", *taints)
            actions.append(Change(id="taints", title=f"set the taints {', '.join(taints)}", words=words))
        for request in facts.requests:
            title = f"approve the serving certificate that its kubelet asks for ({request})"
            words = ("certificate", "approve", request)
            actions.append(Change(id=f"approve:{request}", title=title, words=words))
        if not facts.serves:
            title = "wait until its kubelet serves with a certificate of the cluster, approving what it asks for"
            actions.append(Change(id="serves", title=title))
        return actions

    def act(self, step: Step, actions: Sequence[Change]) -> None:
        for action in actions:
            step.safe_point()
            if action.words:
                self._kubectl.repeated(step, *action.words)
            else:
                self._wait_until_it_serves(step)

    def _wait_until_it_serves(self, step: Step) -> None:
        """The kubelet asks when it has started, and again when the cloud controller has given its node addresses."""
        node = step.node or ""
        while not self._kubectl.kubelet_serves(step, node):
            for request in self._read(step, node)[1]:
                self._kubectl.repeated(step, "certificate", "approve", request)
            if step.remaining_s <= 2 * _LOOK_S:
                raise NoServingCertificate(f"{node}: its kubelet does not serve and has no open request")
            step.wait(_LOOK_S)

    def _read(self, step: Step, node: str) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The Node, and the open requests of its kubelet, each found to be in order. Raises `SuspiciousRequest`."""
        read = self._all.read(step)
        found = [each for each in read if each["kind"] == "Node" and each["metadata"]["name"] == node]
        if not found:
            raise NotYet(f"{node} has not joined the cluster")
        names = NodeNames.of(node, self._site.machines()[node], self._site.cluster.region)
        pending = [
            each
            for each in read
            if each["kind"] == "CertificateSigningRequest" and is_pending(each) and claims(each, node)
        ]
        wrong = {request["metadata"]["name"]: why for request in pending if (why := suspicions(request, names))}
        if wrong:
            raise SuspiciousRequest("\n".join(f"{name}: {'; '.join(why)}" for name, why in wrong.items()))
        return found[0], tuple(request["metadata"]["name"] for request in pending)
