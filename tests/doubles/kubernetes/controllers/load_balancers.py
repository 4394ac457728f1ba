"""AWS's load balancer controller, once a pod of it is ready: a name for each Ingress and Service."""

from __future__ import annotations

from collections.abc import Callable

from tests.doubles.kubernetes.pods import is_going, workload_ready
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World

_INGRESSES = "ingresses.networking.k8s.io"
_CONTROLLER = "ingress.k8s.aws/alb"
_GROUP = "alb.ingress.kubernetes.io/group.name"
IMAGE = "aws-load-balancer-controller"


def reconcile(world: World) -> None:
    if not workload_ready(world.store, None, IMAGE):
        return
    settings = world.settings
    for item in world.store.list(_INGRESSES):
        group = (item["metadata"].get("annotations") or {}).get(_GROUP)
        finalizer = f"group.ingress.k8s.aws/{group}" if group else "ingress.k8s.aws/resources"
        if _is_ours(world, item):
            _balance(world, _INGRESSES, item, finalizer, settings.on_ingress, settings.on_ingress_deleted)
    for item in world.store.list("services"):
        if item["spec"].get("type") == "LoadBalancer":
            _balance(
                world, "services", item, "service.k8s.aws/resources", settings.on_service, settings.on_service_deleted
            )
        elif "service.k8s.aws/resources" in (item["metadata"].get("finalizers") or ()):
            settings.on_service_deleted(item)
            world.without_finalizer("services", item, "service.k8s.aws/resources")


def _is_ours(world: World, item: Object) -> bool:
    name = item["spec"].get("ingressClassName") or (item["metadata"].get("annotations") or {}).get(
        "kubernetes.io/ingress.class"
    )
    found = world.store.get("ingressclasses.networking.k8s.io", "", name or "")
    return found is not None and found["spec"].get("controller") == _CONTROLLER


def _balance(
    world: World,
    key: str,
    item: Object,
    finalizer: str,
    made: Callable[[Object], str],
    deleted: Callable[[Object], None],
) -> None:
    finalizers = item["metadata"].get("finalizers") or []
    if is_going(item):
        if finalizer in finalizers:
            deleted(item)
            world.without_finalizer(key, item, finalizer)
        return
    if finalizer not in finalizers:
        item = world.store.put(key, {**item, "metadata": {**item["metadata"], "finalizers": [*finalizers, finalizer]}})
    if not (item["status"].get("loadBalancer") or {}).get("ingress"):
        world.status(key, item, loadBalancer={"ingress": [{"hostname": made(item)}]})
        world.event(item, "SuccessfullyReconciled", "Successfully reconciled", warning=False)
