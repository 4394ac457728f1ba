"""The control plane is made, once; and the operator gets the kubeconfig of the cluster that there is."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning import private_file
from provisioning.cluster.kubeadm import INIT_TOKEN, init_configuration
from provisioning.cluster.machines import API_PORT
from provisioning.phases import kubeconfig
from provisioning.phases.instances import instance_id
from provisioning.run import Action, ExitCode, Guard, Phase, Retry, RunError, Step
from provisioning.scripts import kubeadm, tokens
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts, ScriptFailed

_LETTERS = string.ascii_lowercase + string.digits


class InitFailed(RunError):
    """kubeadm could not make the control plane."""

    code = "E-INIT"
    exit_code = ExitCode.KUBERNETES
    cause = "A check of kubeadm's failed (then nothing has changed yet), or the control plane did not come up in time."
    remedy = (
        "Deal with what kubeadm names, then go on with --resume. If it had begun already, first reset the machine: "
        "./inv node.reset NAME"
    )


class InitUnsure(RunError):
    """kubeadm began to make the control plane and did not come to its end; it is not begun a second time by itself."""

    code = "E-INIT-UNSURE"
    exit_code = ExitCode.KUBERNETES
    cause = "The machine went down, or kubeadm failed, in the middle of making the control plane."
    remedy = (
        "./inv node.reset NAME, then ./inv rebuild --resume. Where etcd has data already, the reset asks for "
        "--lose-cluster CLUSTER: of a cluster that was never finished nothing is lost."
    )


class ControlPlaneSilent(RunError):
    """The control plane's machine holds a cluster with data, and its API server does not answer."""

    code = "E-CONTROL-PLANE-DOWN"
    exit_code = ExitCode.KUBERNETES
    transient = True
    cause = (
        "The machine has just started, or etcd or the API server cannot run (the disk is full, certificates ran out)."
    )
    remedy = (
        "Wait a minute and go on with --resume. If it stays so, look at it: ./inv cluster.status, and on the machine "
        "`journalctl -u kubelet` and `crictl ps -a`. Never reset it for this: etcd's data is the cluster."
    )


@dataclass(frozen=True)
class Made:
    """How far the cluster is made, and what the operator has of it."""

    node: Facts
    kept: kubeconfig.Kept | None
    token_left: bool = False  # of the init, by a run that was killed


class Init(Phase[Made, Action]):
    """``kubeadm init`` on the first control plane, guarded: what exists is never made again and never wiped."""

    name = "init"
    title = "Make the control plane"
    timeout_s = 1200.0
    retry = Retry(attempts=8, first_s=2.0)

    def __init__(self, site: Site, hosts: Hosts) -> None:
        super().__init__([site.control_plane])
        self._site = site
        self._hosts = hosts

    def inputs(self, node: str | None) -> Any:
        return [instance_id(self._site, node)]

    def facts(self, step: Step) -> Made:
        """Raises `ControlPlaneSilent` where the API server answers no more."""
        node = self._site.control_plane
        told = Facts.read(node, self._hosts.run(step, node, kubeadm.control_plane_facts()))
        left = _guard(told) is Guard.HAPPENED and self._is_token_left(step, node)
        return Made(told, kubeconfig.kept(self._site.kubeconfig), left)

    def plan(self, facts: Made) -> Sequence[Action]:
        """Raises `InitUnsure`, `ControlPlaneSilent`."""
        node = facts.node
        guard = _guard(node)
        if guard is Guard.UNSURE:
            data = node.yes("admin_conf") and node.yes("manifests") and node.yes("etcd_member")
            if data and not node.yes("api"):
                raise ControlPlaneSilent(f"{node.node}: etcd has data, and the API server does not answer")
            raise InitUnsure(f"{node.node}: kubeadm init began here and did not end: ./inv node.reset {node.node}")
        actions = []
        if guard is Guard.CLEAR:
            version = self._site.cluster.kubernetes.version
            actions.append(
                Action(id="init", title=f"make the cluster: kubeadm init of Kubernetes {version}", guard=guard)
            )
        elif node.yes("super_admin_conf"):
            actions.append(Action(id="super-admin", title="remove super-admin.conf, which no rule of RBAC binds"))
        if facts.token_left:
            actions.append(Action(id="token", title="delete the bootstrap token that an earlier kubeadm init has left"))
        if guard is Guard.CLEAR or not self._is_current(facts):
            title = f"fetch the kubeconfig of {self._server()} into {self._site.kubeconfig}"
            actions.append(Action(id="kubeconfig", title=title))
        return actions

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        """Raises `InitFailed`, `KubeconfigUnreadable`."""
        node = self._site.control_plane
        for action in actions:
            if action.id == "init":
                self._init(step)
            elif action.id == "super-admin":
                self._hosts.run(step, node, kubeadm.remove_super_admin())
            elif action.id == "token":
                self._hosts.run(step, node, tokens.delete_described(INIT_TOKEN))
            elif action.id == "kubeconfig":
                text = self._hosts.run(step, node, kubeadm.kubeconfig())
                adapted = kubeconfig.adapted(text, self._server(), self._site.redactor)
                private_file.write(self._site.kubeconfig, adapted)

    def _init(self, step: Step) -> None:
        node = self._site.control_plane
        token_id, token_secret = _random(6), _random(16)
        token = f"{token_id}.{token_secret}"
        self._site.redactor.register(token)
        self._site.redactor.register(token_secret)
        configuration = init_configuration(self._site.cluster, node, self._site.machines(), token)
        try:
            self._hosts.run(step, node, kubeadm.init(configuration, token_id))
        except ScriptFailed as error:
            raise InitFailed(str(error)) from error

    def _is_token_left(self, step: Step, node: str) -> bool:
        try:
            return Facts.read(node, self._hosts.run(step, node, tokens.is_left(INIT_TOKEN))).yes("token_left")
        except ScriptFailed as error:
            raise ControlPlaneSilent(f"{node}: the API server does not tell its bootstrap tokens: {error}") from error

    def _is_current(self, facts: Made) -> bool:
        here, there = facts.kept, facts.node
        return here is not None and here == kubeconfig.Kept(
            server=self._server(),
            ca=there.text("digest.certificate-authority-data"),
            certificate=there.text("digest.client-certificate-data"),
            private=True,
        )

    def _server(self) -> str:
        return f"https://{self._site.hosts()[self._site.control_plane].address}:{API_PORT}"


def _guard(node: Facts) -> Guard:
    if node.yes("api") and node.yes("complete"):
        return Guard.HAPPENED
    traces = ("admin_conf", "kubelet_conf", "manifests", "etcd_member")
    return Guard.UNSURE if any(node.yes(trace) for trace in traces) else Guard.CLEAR


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
