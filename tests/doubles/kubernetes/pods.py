"""What is to be read off a pod and a node: readiness, requests, budgets, what runs where."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tests.doubles.kubernetes.quantities import quantity
from tests.doubles.kubernetes.selectors import selector_matches
from tests.doubles.kubernetes.store import Object, Store

Amounts = dict[str, Fraction]


def condition(item: Object, type_: str) -> str:
    """``True``, ``False`` or ``Unknown``."""
    for each in (item.get("status") or {}).get("conditions") or ():
        if each["type"] == type_:
            return str(each["status"])
    return "Unknown"


def is_ready(item: Object) -> bool:
    """Of a pod or a node."""
    return condition(item, "Ready") == "True"


def is_finished(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_going(item: Object) -> bool:
    return bool(item["metadata"].get("deletionTimestamp"))


def owner(item: Object) -> Object | None:
    """The controller that an object belongs to."""
    for each in item["metadata"].get("ownerReferences") or ():
        if each.get("controller"):
            found: Object = each
            return found
    return None


def owned_by(item: Object, uid: str) -> bool:
    found = owner(item)
    return found is not None and found["uid"] == uid


def requests(pod: Object) -> Amounts:
    """What the scheduler reserves: the sum of the containers, or the largest init container where that is more."""
    total: Amounts = {"cpu": Fraction(0), "memory": Fraction(0)}
    spec = pod["spec"]
    for container in spec["containers"]:
        for name, amount in _wanted(container).items():
            total[name] = total.get(name, Fraction(0)) + amount
    for container in spec.get("initContainers") or ():
        for name, amount in _wanted(container).items():
            total[name] = max(total.get(name, Fraction(0)), amount)
    return total


def _wanted(container: Object) -> Amounts:
    resources = container.get("resources") or {}
    limits, asked = resources.get("limits") or {}, resources.get("requests") or {}
    return {name: quantity(value) for name, value in {**limits, **asked}.items() if name in ("cpu", "memory")}


def matching_budgets(store: Store, pod: Object) -> list[Object]:
    labels = pod["metadata"].get("labels") or {}
    return [
        budget
        for budget in store.list("poddisruptionbudgets.policy", pod["metadata"]["namespace"])
        if selector_matches(budget["spec"].get("selector"), labels)
    ]


def portion(value: Any, total: int, *, up: bool) -> int:
    """``25%`` of so many, or the number itself."""
    if isinstance(value, str) and value.endswith("%"):
        exact = int(value[:-1]) * total
        return -(-exact // 100) if up else exact // 100
    return int(value)


def workload_ready(store: Store, namespace: str | None, image_part: str, *, host_network: bool = False) -> bool:
    """Whether a pod runs and is ready that has this in one of its images."""
    for pod in store.list("pods", namespace):
        if is_going(pod) or not is_ready(pod) or (host_network and not pod["spec"].get("hostNetwork")):
            continue
        if any(image_part in container["image"] for container in pod["spec"]["containers"]):
            return True
    return False
