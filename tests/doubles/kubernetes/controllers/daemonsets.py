"""DaemonSets: one pod on each node that they choose and whose taints they tolerate."""

from __future__ import annotations

import copy

from tests.doubles.kubernetes.controllers.placing import chooses, untolerated
from tests.doubles.kubernetes.controllers.replicas import make_pod, pods_of
from tests.doubles.kubernetes.making import random_name
from tests.doubles.kubernetes.pods import is_finished, is_going, is_ready, portion
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World, template_hash

_KEY = "daemonsets.apps"
_HASH = "controller-revision-hash"
# What every daemon tolerates without saying so.
_ALWAYS = (
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/pid-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"},
)
_ON_HOST = {"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"}


def reconcile(world: World) -> None:
    for item in world.store.list(_KEY):
        if not is_going(item):
            _reconcile(world, item)


def _reconcile(world: World, item: Object) -> None:
    spec = item["spec"]["template"]["spec"]
    extra = [*_ALWAYS, *([_ON_HOST] if spec.get("hostNetwork") else [])]
    tolerating = {**spec, "tolerations": [*(spec.get("tolerations") or ()), *extra]}
    nodes = world.store.list("nodes")
    wanted = {
        node["metadata"]["name"] for node in nodes if chooses(spec, node) and untolerated(tolerating, node) is None
    }
    # A pod stays where only NoSchedule keeps new ones away.
    kept = {
        node["metadata"]["name"]
        for node in nodes
        if chooses(spec, node) and untolerated(tolerating, node, effects=("NoExecute",)) is None
    }
    mark = template_hash(item["spec"]["template"])
    pods = pods_of(world, item)
    here: dict[str, Object] = {}
    for pod in pods:
        if is_finished(pod) and not is_going(pod):
            world.delete("pods", pod, gracePeriodSeconds=0)
        elif is_going(pod):
            here.setdefault(_node_of(pod), pod)
        elif _node_of(pod) not in kept:
            world.delete("pods", pod)
        else:
            here[_node_of(pod)] = pod
    for name in sorted(wanted - set(here)):
        pinned = _pinned(spec, name)
        made = make_pod(
            world, item, f"{item['metadata']['name']}-{random_name()}", labels={_HASH: mark},
            tolerations=tolerating["tolerations"], affinity=pinned,
        )  # fmt: skip
        if made is None:
            break
        here[name] = made
    _roll(world, item, [here[name] for name in sorted(wanted & set(here))], mark)
    _tell(world, item, wanted, here, mark)


def _node_of(pod: Object) -> str:
    terms = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    return str(pod["spec"].get("nodeName") or terms[0]["matchFields"][0]["values"][0])


def _pinned(spec: Object, node: str) -> Object:
    affinity = copy.deepcopy(spec.get("affinity") or {})
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity.setdefault("nodeAffinity", {})["requiredDuringSchedulingIgnoredDuringExecution"] = {
        "nodeSelectorTerms": [term]
    }
    return affinity


def _roll(world: World, item: Object, pods: list[Object], mark: str) -> None:
    strategy = item["spec"]["updateStrategy"]
    old = [pod for pod in pods if pod["metadata"]["labels"].get(_HASH) != mark and not is_going(pod)]
    if strategy["type"] != "RollingUpdate" or not old:
        return
    allowed = max(1, portion(strategy["rollingUpdate"]["maxUnavailable"], len(pods), up=True))
    away = sum(1 for pod in pods if is_going(pod) or (not is_ready(pod) and pod not in old))
    unready_old = [pod for pod in old if not is_ready(pod)]
    for pod in unready_old:
        world.delete("pods", pod)
    for pod in [pod for pod in old if pod not in unready_old][: max(0, allowed - away - len(unready_old))]:
        world.delete("pods", pod)


def _tell(world: World, item: Object, wanted: set[str], here: dict[str, Object], mark: str) -> None:
    live = [here[name] for name in wanted if name in here and not is_going(here[name])]
    ready = sum(is_ready(pod) for pod in live)
    world.status(
        _KEY,
        item,
        observedGeneration=item["metadata"]["generation"],
        desiredNumberScheduled=len(wanted),
        currentNumberScheduled=len(live),
        numberMisscheduled=len(set(here) - wanted),
        updatedNumberScheduled=sum(pod["metadata"]["labels"].get(_HASH) == mark for pod in live) or None,
        numberReady=ready,
        numberAvailable=ready or None,
        numberUnavailable=len(wanted) - ready or None,
    )
