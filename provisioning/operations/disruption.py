"""Which pods stand in the way of emptying a node, and which budgets never let one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]

_MIRROR = "kubernetes.io/config.mirror"


def on_node(pods: Iterable[Object], node: str) -> list[Object]:
    """The pods of a node that a drain has to move: none of a DaemonSet, no static pod, none that has ended."""
    return [
        pod
        for pod in pods
        if pod.get("spec", {}).get("nodeName") == node
        and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        and _MIRROR not in pod["metadata"].get("annotations", {})
        and all(owner["kind"] != "DaemonSet" for owner in pod["metadata"].get("ownerReferences", []))
    ]


def blocking(pod: Object, budgets: Iterable[Object]) -> str:
    """Why this pod is still there, with its name."""
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    if not pod["metadata"].get("ownerReferences"):
        return f"{name} has no controller and would be lost"
    held = [budget["metadata"]["name"] for budget in budgets if _covers(budget, pod) and not _allowed(budget)]
    if held:
        return f"{name} is held by PodDisruptionBudget {', '.join(sorted(held))}"
    return f"{name} does not end"


def never_allowing(budgets: Iterable[Object]) -> list[str]:
    """Budgets that permit no eviction even while every pod of theirs is healthy, as sentences."""
    found = []
    for budget in budgets:
        status = budget.get("status", {})
        expected, desired = int(status.get("expectedPods", 0)), int(status.get("desiredHealthy", 0))
        if expected and desired >= expected:
            name = f"{budget['metadata']['namespace']}/{budget['metadata']['name']}"
            found.append(f"PodDisruptionBudget {name} wants {desired} of {expected} pods at all times")
    return sorted(found)


def _allowed(budget: Object) -> int:
    return int(budget.get("status", {}).get("disruptionsAllowed", 0))


def _covers(budget: Object, pod: Object) -> bool:
    same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and _selects(budget["spec"].get("selector"), pod["metadata"].get("labels", {}))


def _selects(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements"""
    if selector is None:
        return False
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    return all(_meets(each, labels) for each in selector.get("matchExpressions", []))


def _meets(requirement: Object, labels: Mapping[str, str]) -> bool:
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values", [])
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    return (labels.get(key) in values) is (operator == "In")
