"""CustomResourceDefinitions become established; APIServices become available with the workload behind them."""

from __future__ import annotations

from tests.doubles.kubernetes.defaults import CRD_FINALIZER
from tests.doubles.kubernetes.pods import is_going, is_ready
from tests.doubles.kubernetes.selectors import selector_matches
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World, condition, with_conditions

_CRD = "customresourcedefinitions.apiextensions.k8s.io"
_SERVICE = "apiservices.apiregistration.k8s.io"


def reconcile(world: World) -> None:
    for item in world.store.list(_CRD):
        spec = item["spec"]
        if is_going(item):
            _end(world, item)
            continue
        stored = [version["name"] for version in spec["versions"] if version["storage"]]
        world.status(
            _CRD,
            item,
            acceptedNames=spec["names"],
            storedVersions=stored,
            conditions=with_conditions(
                item.get("status"),
                condition("NamesAccepted", True, "NoConflicts", "no conflicts found"),
                condition("Established", True, "InitialNamesAccepted", "the initial names have been accepted"),
            ),
        )
    for item in world.store.list(_SERVICE):
        ready = _behind(world, item)
        reason = "Passed" if ready else "MissingEndpoints"
        said = condition("Available", ready, reason, "all checks passed" if ready else "endpoints are missing")
        world.status(_SERVICE, item, conditions=with_conditions(item.get("status"), said))


def _end(world: World, item: Object) -> None:
    """Its objects go first."""
    spec = item["spec"]
    key = f"{spec['names']['plural']}.{spec['group']}"
    left = world.store.list(key)
    for each in left:
        if not is_going(each):
            world.delete(key, each)
    if not left:
        world.without_finalizer(_CRD, item, CRD_FINALIZER)


def _behind(world: World, item: Object) -> bool:
    reference = item["spec"].get("service")
    if not reference:
        return True
    service = world.store.get("services", reference["namespace"], reference["name"])
    if service is None or not service["spec"].get("selector"):
        return False
    chosen = {"matchLabels": service["spec"]["selector"]}
    return any(
        is_ready(pod) and selector_matches(chosen, pod["metadata"].get("labels") or {})
        for pod in world.store.list("pods", reference["namespace"])
    )
