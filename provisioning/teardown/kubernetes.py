"""Kubernetes first, while its controllers live: they remove what they made (load balancers, disks) when its owner goes.

A cluster that does not answer stops nothing; what its controllers made is then found by its tags.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.cluster import Cluster
from provisioning.kubernetes.kubectl import Kubectl
from provisioning.run import Action, NotYet, Phase, RunError, Step
from provisioning.run.errors import StepTimeout
from provisioning.teardown.ledger import Ledger

Object = dict[str, Any]

# Long enough for an API server that is there, short enough for one that is not.
_ANSWER_S = 15.0
_LOOK_S = 2.0
# How long a controller may take to remove what it made.
_BOUND_S = 300.0
# Objects of the Prometheus operator: it would make their StatefulSets anew for as long as it lives.
OPERATED = ("prometheuses.monitoring.coreos.com", "alertmanagers.monitoring.coreos.com")
# In this order: an operator would make anew what is deleted before it.
WORKLOADS = {
    "Deployment": "deployments.apps",
    "StatefulSet": "statefulsets.apps",
    "DaemonSet": "daemonsets.apps",
    "CronJob": "cronjobs.batch",
    "Job": "jobs.batch",
    "ReplicaSet": "replicasets.apps",
    "Pod": "pods",
}
# Those that clean up, and what they need to run, stay until the machines go.
_CLEANERS = ("calico", "aws-cloud-controller-manager", "aws-ebs-csi-driver", "aws-load-balancer-controller")
_ALWAYS_KEPT = frozenset({"kube-system", "tigera-operator", "calico-system", "calico-apiserver"})


@dataclass(frozen=True, kw_only=True)
class Delete(Action):
    kind: str
    namespace: str
    object: str
    destructive: bool = True


class Api:
    """Whether the cluster answers, asked once: a dead API server costs its time once and not in every phase."""

    def __init__(self, kubectl: Kubectl, ledger: Ledger) -> None:
        self.kubectl = kubectl
        self._ledger = ledger
        self._dead: str | None = None

    def answers(self, step: Step) -> bool:
        if self._dead is not None:
            return False
        try:
            self.kubectl.run(step, "get", "--raw", "/readyz", timeout_s=_ANSWER_S)
        except NotYet as error:
            # No kubeconfig: the cluster was never made, or this is not its first teardown.
            self._dead = str(error)
            return False
        except StepTimeout:
            raise
        except RunError as error:
            self.lost(step, error)
            return False
        return True

    def lost(self, step: Step, error: RunError) -> None:
        self._dead = str(error)
        text = f"Kubernetes did not answer ({error}): what its controllers made was looked for by tags"
        self._ledger.note(text)
        step.say(text)


class Owners(Phase[list[Delete], Delete]):
    """Objects of some kinds, deleted and waited for. What does not go in ``bound_s`` is noted; the teardown goes on."""

    verify = False

    def __init__(
        self,
        name: str,
        title: str,
        api: Api,
        ledger: Ledger,
        listed: Callable[[Kubectl, Step], list[Delete]],
        remains: Callable[[Kubectl, Step], list[str]],
        bound_s: float,
    ) -> None:
        super().__init__()
        self.bound_s = bound_s
        self.name, self.title = name, title
        self.timeout_s = self.bound_s + 600.0
        self._api, self._ledger, self._listed, self._remains = api, ledger, listed, remains

    def inputs(self, node: str | None) -> Any:
        return {"look": self._ledger.look}

    def facts(self, step: Step) -> list[Delete]:
        if not self._api.answers(step):
            return []
        try:
            return self._listed(self._api.kubectl, step)
        except StepTimeout:
            raise
        except RunError as error:
            self._api.lost(step, error)
            return []

    def plan(self, facts: list[Delete]) -> Sequence[Delete]:
        return facts

    def act(self, step: Step, actions: Sequence[Delete]) -> None:
        until = time.monotonic() + self.bound_s
        try:
            for kind, namespace in dict.fromkeys((action.kind, action.namespace) for action in actions):
                step.safe_point()
                names = [each.object for each in actions if (each.kind, each.namespace) == (kind, namespace)]
                where = ["--namespace", namespace] if namespace else []
                self._api.kubectl.repeated(step, "delete", kind, *names, *where, "--wait=false", "--ignore-not-found")
                step.say(f"deleted {kind} {', '.join(names)}")
            self._wait(step, until)
        except StepTimeout:
            raise
        except RunError as error:
            self._api.lost(step, error)

    def _wait(self, step: Step, until: float) -> None:
        said = ""
        while remaining := self._remains(self._api.kubectl, step):
            if time.monotonic() >= until:
                text = f"Kubernetes still had {', '.join(remaining)} after {self.bound_s:.0f} s: the teardown went on"
                self._ledger.note(text)
                step.say(text)
                return
            progress = f"waiting for {len(remaining)}: {', '.join(remaining[:3])}"
            if progress != said:
                step.say(progress)
            said = progress
            step.wait(_LOOK_S)


def owners(cluster: Cluster, api: Api, ledger: Ledger, longest_s: float | None = None) -> list[Owners]:
    """Ingresses, then Services of load balancers, then what runs, then the volumes' claims."""
    kept = _ALWAYS_KEPT | {cluster.releases[name].namespace for name in _CLEANERS if name in cluster.releases}

    def ingresses(kubectl: Kubectl, step: Step) -> list[Delete]:
        return [
            _delete("ingresses.networking.k8s.io", each) for each in _all(kubectl, step, "ingresses.networking.k8s.io")
        ]

    def services(kubectl: Kubectl, step: Step) -> list[Delete]:
        found = _all(kubectl, step, "services")
        return [_delete("services", each) for each in found if each["spec"].get("type") == "LoadBalancer"]

    def workloads(kubectl: Kubectl, step: Step) -> list[Delete]:
        order = list(WORKLOADS)
        found = [
            each
            for each in _all(kubectl, step, ",".join(WORKLOADS.values()))
            if _namespace(each) not in kept and not _follows(each)
        ]
        operated = [_delete(kind, each) for kind in OPERATED for each in _all(kubectl, step, kind)]
        return operated + [
            _delete(WORKLOADS[each["kind"]], each) for each in sorted(found, key=lambda each: order.index(each["kind"]))
        ]

    def pods(kubectl: Kubectl, step: Step) -> list[str]:
        found = _all(kubectl, step, "pods")
        return [f"pod {_called(each)}" for each in found if _namespace(each) not in kept]

    def claims(kubectl: Kubectl, step: Step) -> list[Delete]:
        return [_delete("persistentvolumeclaims", each) for each in _all(kubectl, step, "persistentvolumeclaims")]

    def volumes(kubectl: Kubectl, step: Step) -> list[str]:
        """A volume that is to be deleted goes when its disk is gone."""
        found = _all(kubectl, step, "persistentvolumes")
        going = [each for each in found if each["spec"].get("persistentVolumeReclaimPolicy", "Delete") == "Delete"]
        return [f"volume {_called(each)}" for each in going] + [
            f"claim {each.namespace}/{each.object}" for each in claims(kubectl, step)
        ]

    def names(listed: Callable[[Kubectl, Step], list[Delete]]) -> Callable[[Kubectl, Step], list[str]]:
        return lambda kubectl, step: [f"{each.kind} {each.namespace}/{each.object}" for each in listed(kubectl, step)]

    bound_s = _BOUND_S if longest_s is None else min(_BOUND_S, longest_s)
    return [
        Owners("ingresses", "Kubernetes: Ingresses", api, ledger, ingresses, names(ingresses), bound_s),
        Owners("services", "Kubernetes: Services of load balancers", api, ledger, services, names(services), bound_s),
        Owners("workloads", "Kubernetes: what runs", api, ledger, workloads, pods, bound_s),
        Owners("claims", "Kubernetes: volumes", api, ledger, claims, volumes, bound_s),
    ]


def _follows(thing: Object) -> bool:
    """Whether it goes with a workload that is deleted before it; what an operator's object owns does not."""
    return any(owner["kind"] in WORKLOADS for owner in thing["metadata"].get("ownerReferences", ()))


def _all(kubectl: Kubectl, step: Step, kind: str) -> list[Object]:
    return kubectl.items(step, kind, all_namespaces=True)


def _delete(kind: str, thing: Object) -> Delete:
    return Delete(
        id=f"{kind}/{_called(thing)}",
        title=f"delete {thing['kind']} {_called(thing)}",
        kind=kind,
        namespace=_namespace(thing),
        object=thing["metadata"]["name"],
    )


def _namespace(thing: Object) -> str:
    return str(thing["metadata"].get("namespace", ""))


def _called(thing: Object) -> str:
    return f"{_namespace(thing)}/{thing['metadata']['name']}".lstrip("/")
