"""PodDisruptionBudgets: how many pods may go now."""

from __future__ import annotations

from tests.doubles.kubernetes.pods import is_finished, is_going, is_ready, owner, portion
from tests.doubles.kubernetes.selectors import selector_matches
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World, condition, with_conditions

_KEY = "poddisruptionbudgets.policy"


def reconcile(world: World) -> None:
    for item in world.store.list(_KEY):
        spec, metadata = item["spec"], item["metadata"]
        pods = [
            pod
            for pod in world.store.list("pods", metadata["namespace"])
            if selector_matches(spec.get("selector"), pod["metadata"].get("labels") or {}) and not is_finished(pod)
        ]
        expected = _expected(world, pods)
        healthy = sum(is_ready(pod) and not is_going(pod) for pod in pods)
        if spec.get("minAvailable") is not None:
            desired = portion(spec["minAvailable"], expected, up=True)
        else:
            desired = max(0, expected - portion(spec.get("maxUnavailable", 1), expected, up=True))
        allowed = max(0, healthy - desired)
        reason = "SufficientPods" if allowed else "InsufficientPods"
        world.status(
            _KEY,
            item,
            observedGeneration=metadata.get("generation", 1),
            currentHealthy=healthy,
            desiredHealthy=desired,
            expectedPods=expected,
            disruptionsAllowed=allowed,
            conditions=with_conditions(item.get("status"), condition("DisruptionAllowed", bool(allowed), reason)),
        )


def _expected(world: World, pods: list[Object]) -> int:
    """What the owners want, not what is there."""
    owners = {each["uid"]: each for pod in pods if (each := owner(pod))}
    total = sum(owner(pod) is None for pod in pods)
    for each in owners.values():
        namespace = pods[0]["metadata"]["namespace"]
        found = world.store.get(world.key(each["kind"], each["apiVersion"].rpartition("/")[0]), namespace, each["name"])
        if found is not None:
            total += found["spec"].get("replicas", 0)
    return total
