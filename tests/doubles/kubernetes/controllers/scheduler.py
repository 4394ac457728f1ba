"""The scheduler: a node for each pod that has none, or the reason why there is none."""

from __future__ import annotations

from collections import Counter

from tests.doubles.kubernetes.controllers.placing import (
    chooses,
    lacking,
    placements,
    preferred,
    repelled,
    untolerated,
)
from tests.doubles.kubernetes.controllers.volumes import select_node, zone_refusal
from tests.doubles.kubernetes.pods import is_finished, is_going, owner
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World, condition, with_conditions


def reconcile(world: World) -> None:
    pods = world.store.list("pods")
    waiting = [pod for pod in pods if not pod["spec"].get("nodeName") and not is_going(pod) and not is_finished(pod)]
    if not waiting:
        return
    nodes = world.store.list("nodes")
    placed = placements(nodes, pods)
    named = {node["metadata"]["name"]: node for node in nodes}
    for pod in sorted(
        waiting, key=lambda pod: (-_priority(world, pod), pod["metadata"]["namespace"], pod["metadata"]["name"])
    ):
        if pod["spec"].get("schedulerName", "default-scheduler") != "default-scheduler" or pod["spec"].get(
            "schedulingGates"
        ):
            continue
        reasons: Counter[str] = Counter()
        fitting: list[Object] = []
        for node in nodes:
            why = _refused(world, pod, node, placed, named)
            if why:
                reasons[why] += 1
            else:
                fitting.append(node)
        if fitting:
            best = min(fitting, key=lambda node: _weight(pod, placed[node["metadata"]["name"]], node))
            if select_node(world, pod, best):
                _bind(world, pod, best, placed)
        else:
            _refuse(world, pod, len(nodes), reasons)


def _priority(world: World, pod: Object) -> int:
    name = pod["spec"].get("priorityClassName")
    found = world.store.get("priorityclasses.scheduling.k8s.io", "", name) if name else None
    return int(found["value"]) if found else 0


def _refused(
    world: World, pod: Object, node: Object, placed: dict[str, list[Object]], named: dict[str, Object]
) -> str | None:
    spec = pod["spec"]
    taint = untolerated(spec, node)
    if node["spec"].get("unschedulable") and (taint is None or taint["key"] == "node.kubernetes.io/unschedulable"):
        tolerated = taint is None and any(
            each["key"] == "node.kubernetes.io/unschedulable" for each in node["spec"].get("taints") or ()
        )
        if not tolerated:
            return "node(s) were unschedulable"
    if not chooses(spec, node):
        return "node(s) didn't match Pod's node affinity/selector"
    if taint:
        value = f": {taint['value']}" if taint.get("value") else ": "
        return f"node(s) had untolerated taint {{{taint['key']}{value}}}"
    why = zone_refusal(world, pod, node) or lacking(pod, node, placed[node["metadata"]["name"]])
    if not why and repelled(pod, node, placed, named):
        return "node(s) didn't match pod anti-affinity rules"
    return why


def _weight(pod: Object, there: list[Object], node: Object) -> tuple[int, int, int, str]:
    mine = owner(pod)
    kin = sum(1 for each in there if mine and (owner(each) or {}).get("uid") == mine["uid"])
    return -preferred(pod["spec"], node), kin, len(there), node["metadata"]["name"]


def _bind(world: World, pod: Object, node: Object, placed: dict[str, list[Object]]) -> None:
    name = node["metadata"]["name"]
    status = pod.get("status") or {}
    bound = {
        **pod,
        "spec": {**pod["spec"], "nodeName": name},
        "status": {**status, "conditions": with_conditions(status, condition("PodScheduled", "True", ""))},
    }
    placed[name].append(world.store.put("pods", bound))


def _refuse(world: World, pod: Object, total: int, reasons: Counter[str]) -> None:
    if not total:
        said = "no nodes available to schedule pods"
    else:
        parts = ", ".join(f"{count} {why}" for why, count in sorted(reasons.items()))
        said = f"0/{total} nodes are available: {parts}."
    status = pod.get("status") or {}
    refused = condition("PodScheduled", "False", "Unschedulable", said)
    world.status("pods", pod, phase="Pending", conditions=with_conditions(status, refused))
    world.event(pod, "FailedScheduling", said)
