"""All machines but the first control plane join the cluster, each with a token of its own and the CA's hash."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from provisioning.cluster.kubeadm import join_configuration
from provisioning.cluster.model import CONTROL_PLANE
from provisioning.kubernetes import Kubectl
from provisioning.kubernetes.shared import Shared
from provisioning.phases.instances import instance_id
from provisioning.phases.kubeconfig import ca_hash
from provisioning.run import Action, ExitCode, NotYet, Phase, Retry, RunError, Step
from provisioning.run.errors import StepTimeout
from provisioning.scripts import kubeadm, tokens
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts, ScriptFailed

_TIDY_S = 12.0
_POLL_S = 0.25


class JoinFailed(RunError):
    """kubeadm could not make the machine a node of the cluster."""

    code = "E-JOIN"
    exit_code = ExitCode.KUBERNETES
    transient = True
    cause = "A check of kubeadm's failed, or the machine does not reach the API server at its name in the private zone."
    remedy = "Deal with what kubeadm names in the last lines, then go on with --resume."


class JoinedElsewhere(RunError):
    """The machine is, or was, a node of another cluster: it trusts another CA than this cluster's."""

    code = "E-NODE-ELSEWHERE"
    exit_code = ExitCode.KUBERNETES
    cause = "The control plane was made anew since this machine joined, or the machine was borrowed from elsewhere."
    remedy = "If nothing on it is needed any more: ./inv node.reset NAME, then ./inv rebuild --resume"


class JoinUnsure(RunError):
    """A further control plane began to join and did not come to its end; it may be a member of etcd already."""

    code = "E-JOIN-UNSURE"
    exit_code = ExitCode.KUBERNETES
    cause = "The machine went down, or kubeadm failed, in the middle of joining."
    remedy = "./inv node.reset NAME, which takes it out of etcd too, then ./inv rebuild --resume"


class NodeIsAnothers(RunError):
    """The cluster has a Node of this name that belongs to another machine."""

    code = "E-NODE-ANOTHERS"
    exit_code = ExitCode.KUBERNETES
    cause = (
        "The machine was replaced, and the Node of the old one is still in the cluster; its providerID cannot change."
    )
    remedy = "./inv node.replace NAME, which drains and deletes the old Node and lets the new machine join"


@dataclass(frozen=True)
class Membership:
    """What the machine says of the cluster, and the cluster of the machine."""

    node: Facts
    ca_hash: str  # the cluster's
    registered: bool
    provider_id: str  # of the Node, "" where it has none
    token_left: bool = False  # one of ours for this node, by a run that was killed


class Join(Phase[Membership, Action]):
    """Joins each machine that is not a node yet. Never resets one, and never takes one from another cluster."""

    name = "join"
    title = "Join the nodes"
    timeout_s = 900.0
    retry = Retry(attempts=4, first_s=3.0)

    def __init__(self, site: Site, hosts: Hosts, kubectl: Kubectl) -> None:
        super().__init__([node for node in site.nodes if node != site.control_plane])
        self._site = site
        self._hosts = hosts
        # Node -> its providerID, "" where it has none; and what the bootstrap tokens say of themselves.
        self._nodes = Shared(lambda step: _provider_ids(kubectl.items(step, "nodes")))
        self._tokens = Shared(lambda step: _descriptions(kubectl, step))
        # etcd takes one new member at a time.
        self._control_plane = threading.Lock()

    def inputs(self, node: str | None) -> Any:
        return [instance_id(self._site, node), instance_id(self._site, self._site.control_plane)]

    def facts(self, step: Step) -> Membership:
        """Raises `NotYet` before there is a cluster."""
        assert step.node is not None
        if not self._site.kubeconfig.exists():
            raise NotYet("there is no cluster yet that a machine could join")
        told = Facts.read(step.node, self._hosts.run(step, step.node, kubeadm.member_facts()))
        provider_id = self._provider_id(step)
        ours = ca_hash(self._site.kubeconfig)
        return Membership(told, ours, provider_id is not None, provider_id or "", self._is_token_left(step))

    def plan(self, facts: Membership) -> Sequence[Action]:
        """Raises `JoinedElsewhere`, `NodeIsAnothers`, `JoinUnsure`."""
        told = facts.node
        name = told.node
        joined = told.yes("kubelet_conf")
        if told.text("ca_hash") not in ("", facts.ca_hash) or (joined and not told.text("ca_hash")):
            raise JoinedElsewhere(f"{name} trusts another CA than this cluster's: ./inv node.reset {name}")
        wanted = self._site.machines()[name].provider_id
        if facts.registered and facts.provider_id != wanted:
            was = facts.provider_id or "no providerID"
            raise NodeIsAnothers(f"the Node {name} has {was}, its machine is {wanted}: ./inv node.replace {name}")
        if joined and facts.registered:
            left = Action(id="token", title=f"delete the bootstrap token for {name} that an earlier run has left")
            return [left] if facts.token_left else []
        if joined:
            return [Action(id="register", title="restart the kubelet, so that it registers its node again")]
        if self._is_control_plane(name) and (told.yes("manifests") or told.yes("etcd_member")):
            raise JoinUnsure(f"{name}: kubeadm join began here and did not end: ./inv node.reset {name}")
        return [Action(id="join", title=f"join {self._site.cluster.name} as {self._site.cluster.node(name).role}")]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        """Raises `JoinFailed`, `StepTimeout` where the node does not appear in the cluster."""
        assert step.node is not None
        for action in actions:
            if action.id == "token":
                self._hosts.run(step, self._site.control_plane, tokens.delete(step.node))
            elif action.id == "register":
                self._hosts.run(step, step.node, kubeadm.restart_kubelet())
            elif self._is_control_plane(step.node):
                with self._one_at_a_time(step):
                    self._join(step, step.node)
            else:
                self._join(step, step.node)
        while self._provider_id(step) is None:
            step.wait(_POLL_S)

    def _join(self, step: Step, node: str) -> None:
        master = self._site.control_plane
        control_plane = self._is_control_plane(node)
        try:
            made = Facts.read(master, self._hosts.run(step, master, tokens.create(node, certificates=control_plane)))
            token, key = made.text("token"), made.text("certificate_key") if control_plane else None
            for secret in (token, token.partition(".")[2], key):
                if secret:
                    self._site.redactor.register(secret)
            machines = self._site.machines()
            configuration = join_configuration(self._site.cluster, node, machines, token, made.text("ca_hash"), key)
            self._hosts.run(step, node, kubeadm.join(configuration))
        except ScriptFailed as error:
            raise JoinFailed(str(error)) from error
        finally:
            self._forget_token(step, node)

    def _forget_token(self, step: Step, node: str) -> None:
        try:
            script = tokens.delete(node)
            self._hosts.run(step, self._site.control_plane, script, timeout_s=_TIDY_S, to_the_end=True)
        except RunError as error:
            # How the join went matters more. The token ends by itself, and the next join of this node deletes it.
            step.say(f"the token for {node} stays until it expires, {tokens.TTL} after it was made: {error}")

    @contextmanager
    def _one_at_a_time(self, step: Step) -> Iterator[None]:
        if not self._control_plane.acquire(timeout=step.remaining_s):
            raise StepTimeout("another control plane was joining all the time")
        try:
            yield
        finally:
            self._control_plane.release()

    def _provider_id(self, step: Step) -> str | None:
        """Of the Node with the step's name; None when there is no such Node."""
        return self._nodes.read(step).get(step.node or "")

    def _is_token_left(self, step: Step) -> bool:
        return tokens.description(step.node or "") in self._tokens.read(step)

    def _is_control_plane(self, node: str) -> bool:
        return self._site.cluster.node(node).role == CONTROL_PLANE


def _provider_ids(nodes: Sequence[dict[str, Any]]) -> dict[str, str]:
    return {node["metadata"]["name"]: str(node.get("spec", {}).get("providerID", "")) for node in nodes}


def _descriptions(kubectl: Kubectl, step: Step) -> set[str]:
    """Of all bootstrap tokens; the tokens themselves are not asked for."""
    kind = ("--field-selector", "type=bootstrap.kubernetes.io/token")
    shown = ("--output", "jsonpath={.items[*].data.description}")
    said = kubectl.repeated(step, "get", "secrets", "--namespace", "kube-system", *kind, *shown)
    return {base64.b64decode(text).decode(errors="replace") for text in said.split()}
