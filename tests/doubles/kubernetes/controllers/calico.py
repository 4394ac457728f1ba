"""Tigera's operator, once a pod of it is ready: the workloads of Calico that an Installation asks for."""

from __future__ import annotations

from typing import Any

from tests.doubles.kubernetes.pods import is_going, is_ready, workload_ready
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World, condition, owner_reference, with_conditions

_INSTALLATIONS = "installations.operator.tigera.io"
_STATUSES = "tigerastatuses.operator.tigera.io"
_NAMESPACE = "calico-system"
_FINALIZER = "tigera.io/operator-cleanup"
_EVERYTHING = [{"key": "CriticalAddonsOnly", "operator": "Exists"}, *(
    {"effect": effect, "operator": "Exists"} for effect in ("NoSchedule", "NoExecute"))]  # fmt: skip
# What the operator puts into control plane workloads that do not say where they want to be.
_CONTROL_PLANE = [
    {"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"},
    {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
]


def reconcile(world: World) -> None:
    if not workload_ready(world.store, None, "tigera/operator", host_network=True):
        return
    for item in world.store.list(_INSTALLATIONS):
        if item["metadata"]["name"] != "default":
            continue
        if is_going(item):
            world.without_finalizer(_INSTALLATIONS, item, _FINALIZER)
            continue
        _install(world, item)


def _install(world: World, item: Object) -> None:
    spec = item.get("spec") or {}
    version = "v3.31.3"
    world.create("namespaces", {"metadata": {"name": _NAMESPACE}})
    for name in ("calico-node", "calico-typha", "calico-kube-controllers"):
        world.create(
            "serviceaccounts",
            {"metadata": {"name": name, "namespace": _NAMESPACE, "ownerReferences": [owner_reference(item)]}},
        )
    registry = (spec.get("registry") or "docker.io/").rstrip("/") + "/"

    def image(name: str) -> str:
        return f"{registry}{spec.get('imagePath') or 'calico'}/{name}:{version}"

    nodes = len(world.store.list("nodes"))
    # Autoscaled by the operator: one for few nodes, never more than there are nodes.
    typhas = max(1, min(nodes, 1 if nodes <= 2 else 2 if nodes <= 4 else 3))
    _workload(
        world, item, "daemonsets.apps", "calico-node", "calicoNodeDaemonSet", image("node"), tolerations=_EVERYTHING
    )
    _workload(
        world, item, "deployments.apps", "calico-typha", "typhaDeployment", image("typha"),
        replicas=typhas, tolerations=_EVERYTHING,
    )  # fmt: skip
    _workload(
        world, item, "deployments.apps", "calico-kube-controllers", "calicoKubeControllersDeployment",
        image("kube-controllers"), replicas=1, host_network=False,
        tolerations=[*(spec.get("controlPlaneTolerations") or ()), *_CONTROL_PLANE],
        selector=spec.get("controlPlaneNodeSelector") or {},
    )  # fmt: skip
    _tell(world, item)


def _workload(
    world: World,
    item: Object,
    key: str,
    name: str,
    field: str,
    image: str,
    *,
    tolerations: list[Object],
    replicas: int | None = None,
    host_network: bool = True,
    selector: dict[str, str] | None = None,
) -> None:
    template = (((item.get("spec") or {}).get(field) or {}).get("spec") or {}).get("template") or {}
    own: dict[str, Any] = template.get("spec") or {}
    container_resources = {each["name"]: each.get("resources") or {} for each in own.get("containers") or ()}
    resources = container_resources.get(name) or _resources_of(item, name)
    pod: Object = {
        "serviceAccountName": name,
        "hostNetwork": host_network,
        "priorityClassName": "system-node-critical" if key.startswith("daemon") else "system-cluster-critical",
        "nodeSelector": {"kubernetes.io/os": "linux", **(selector or {}), **(own.get("nodeSelector") or {})},
        "tolerations": own.get("tolerations") or tolerations,
        "containers": [{"name": name, "image": image, "resources": resources}],
    }
    affinity = own.get("affinity") or (
        (item.get("spec") or {}).get("typhaAffinity") if name == "calico-typha" else None
    )
    if affinity:
        pod["affinity"] = affinity
    if name == "calico-typha":
        pod["containers"][0]["ports"] = [{"name": "calico-typha", "containerPort": 5473, "protocol": "TCP"}]
    labels = {"k8s-app": name, "app.kubernetes.io/name": name}
    spec: Object = {
        "selector": {"matchLabels": {"k8s-app": name}},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    wanted = {
        "metadata": {
            "name": name,
            "namespace": _NAMESPACE,
            "labels": labels,
            "ownerReferences": [owner_reference(item)],
        },
        "spec": spec,
    }
    before = world.store.get(key, _NAMESPACE, name)
    if before is None:
        world.create(key, wanted)
        return
    head = {"apiVersion": before["apiVersion"], "kind": before["kind"], "metadata": before["metadata"]}
    filled = world.objects.defaults.filled({**head, "spec": spec}, world.resources.of_key(key), before)
    if filled["spec"] != before["spec"]:
        metadata = {**before["metadata"], "generation": before["metadata"]["generation"] + 1}
        world.store.put(key, {**before, "metadata": metadata, "spec": filled["spec"]})


def _resources_of(item: Object, name: str) -> Object:
    component = {"calico-node": "Node", "calico-typha": "Typha", "calico-kube-controllers": "KubeControllers"}[name]
    for each in (item.get("spec") or {}).get("componentResources") or ():
        if each["componentName"] == component:
            found: Object = each.get("resourceRequirements") or {}
            return found
    return {}


def _tell(world: World, item: Object) -> None:
    daemons = world.store.get("daemonsets.apps", _NAMESPACE, "calico-node")
    status = (daemons or {}).get("status") or {}
    wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    others = [
        each
        for each in world.store.list("deployments.apps", _NAMESPACE)
        if each["metadata"]["name"].startswith("calico-")
    ]
    all_ready = wanted > 0 and ready == wanted and all(_available(each) for each in others)
    conditions = [
        condition("Available", all_ready, "AllObjectsAvailable" if all_ready else "Pending"),
        condition("Progressing", not all_ready, "ResourceNotReady" if not all_ready else "AllObjectsAvailable"),
        condition("Degraded", False, "AllObjectsAvailable"),
    ]
    if world.store.get("customresourcedefinitions.apiextensions.k8s.io", "", _STATUSES) is not None:
        told = world.create(_STATUSES, {"metadata": {"name": "calico"}, "spec": {}})
        world.status(_STATUSES, told, conditions=with_conditions(told.get("status"), *conditions))
    ready_condition = condition("Ready", all_ready, "AllObjectsAvailable" if all_ready else "Pending")
    before = item.get("status")
    world.status(
        _INSTALLATIONS, item, variant="Calico", calicoVersion="v3.31.3", mtu=1450,
        conditions=with_conditions(before, ready_condition, *conditions),
    )  # fmt: skip


def _available(item: Object) -> bool:
    return is_ready({"status": {"conditions": [
        {"type": "Ready", "status": each["status"]}
        for each in (item.get("status") or {}).get("conditions") or () if each["type"] == "Available"
    ]}})  # fmt: skip
