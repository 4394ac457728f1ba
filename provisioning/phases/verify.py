"""The phase ``verify``: the cluster is what its file says, seen from outside. Everything that is not, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from provisioning.aws import Account
from provisioning.aws.dns import records, same_target
from provisioning.kubernetes import Kubectl
from provisioning.kubernetes.health import balancers_of, health_paths, health_problem
from provisioning.kubernetes.verification import Problem, Seen, problems
from provisioning.run import Action, ExitCode, NotYet, Phase, Retry, RunError, Step
from provisioning.site import Site
from provisioning.ssh import Hosts

_LOOK_S = 2.0
_AT_ONCE = 8
# Kept of the step's time: one look may wait for machines that do not answer.
_LAST_LOOK_S = 60.0
# What a node must do to count as reached: nothing, over a connection whose host key is the pinned one.
_NOTHING = ":\n"
_SSH_S = 30.0


class NotVerified(RunError):
    """The cluster stands and is not what the cluster file says of it; the message names every difference."""

    code = "E-VERIFY"
    exit_code = ExitCode.KUBERNETES
    cause = "Something was changed by hand, or a pod does not start for the reason that the message gives."
    remedy = "./inv rebuild (it sets right what it can), or correct what the message names; then ./inv rebuild --resume"


class Verify(Phase[tuple[Problem, ...], Action]):
    """Compares nodes, pods, claims, certificates, names and health with what should be. Changes nothing; waits for what
    settles by itself, and fails at once for what does not."""

    name = "verify"
    title = "The cluster is what its file says"
    timeout_s = 600.0
    retry = Retry(attempts=2)

    def __init__(self, site: Site, kubectl: Kubectl, hosts: Hosts, account: Account) -> None:
        super().__init__()
        self._site = site
        self._kubectl = kubectl
        self._hosts = hosts
        self._account = account
        self._run = uuid4().hex

    def inputs(self, node: str | None) -> Any:
        """Never the same: a resumed run has acted since the last look, so it looks again."""
        return self._run

    def facts(self, step: Step) -> tuple[Problem, ...]:
        if not self._site.kubeconfig.exists():
            raise NotYet("there is no kubeconfig yet: the cluster has not been made")
        looks: list[Callable[[], Sequence[Problem]]] = [
            lambda: self._compared(step),
            lambda: list(self._reached_by_name(step)),
            *(self._node(step, node) for node in self._site.nodes),
        ]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(problem for found in pool.map(lambda look: look(), looks) for problem in found)

    def plan(self, facts: tuple[Problem, ...]) -> Sequence[Action]:
        return [Action(id=f"{index}", title=f"not as it should be: {each.text}") for index, each in enumerate(facts)]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        shown: set[str] = set()
        while wrong := self.facts(step):
            texts = [problem.text for problem in wrong]
            is_last = step.remaining_s <= min(_LAST_LOOK_S, self.timeout_s / 4)
            if is_last or not all(problem.settles for problem in wrong):
                raise NotVerified("\n".join(texts))
            for text in texts:
                if text not in shown:
                    step.say(f"not yet: {text}")
            shown |= set(texts)
            step.wait(_LOOK_S)

    def _compared(self, step: Step) -> list[Problem]:
        everywhere = {"all_namespaces": True}
        kinds = ("deployments", "statefulsets", "daemonsets")
        seen = Seen(
            nodes=self._kubectl.items(step, "nodes"),
            workloads=[each for kind in kinds for each in self._kubectl.items(step, kind, **everywhere)],
            pods=self._kubectl.items(step, "pods", **everywhere),
            claims=self._kubectl.items(step, "persistentvolumeclaims", **everywhere),
            events=self._kubectl.items(step, "events", **everywhere),
        )
        return problems(self._site.cluster, self._site.machines(), seen)

    def _node(self, step: Step, node: str) -> Callable[[], list[Problem]]:
        def look() -> list[Problem]:
            found = []
            if not self._kubectl.kubelet_serves(step, node):
                found.append(Problem(f"{node}: its kubelet does not serve with a valid certificate", settles=True))
            try:
                self._hosts.run(step, node, _NOTHING, timeout_s=_SSH_S)
            except RunError as error:
                found.append(Problem(f"{node} is not reached over SSH: {error}", settles=error.transient))
            return found

        return look

    def _reached_by_name(self, step: Step) -> Iterator[Problem]:
        """The names in Route 53, and each health path of the Ingresses, through the load balancer if there is one."""
        ingresses = self._kubectl.items(step, "ingresses", all_namespaces=True)
        balancers = {balancer for ingress in ingresses for balancer in balancers_of(ingress)}
        cluster, domain = self._site.cluster, self._site.outputs().domain
        if domain.hosted_zone_id and balancers:
            names = [host for which in ("api", "www", "grafana") if (host := cluster.domain.host(which))]
            there = {each.name: each for each in records(self._account, domain.hosted_zone_id, names)}
            for name in names:
                points = there[name].alias if name in there else None
                if not any(same_target(points, balancer) for balancer in balancers):
                    yield Problem(f"{name} does not point at the load balancer but at {points or 'nothing'}")
        for balancer, host, path in dict.fromkeys(each for ingress in ingresses for each in health_paths(ingress)):
            step.safe_point()
            if wrong := health_problem(balancer, host, path):
                yield Problem(wrong, settles=True)
