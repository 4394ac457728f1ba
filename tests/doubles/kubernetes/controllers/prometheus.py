"""The Prometheus operator, once a pod of it is ready: a StatefulSet for each Prometheus and each Alertmanager."""

from __future__ import annotations

from typing import Any

from tests.doubles.kubernetes.pods import is_going, is_ready
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World, condition, owner_reference, with_conditions

_GROUP = "monitoring.coreos.com"
_IMAGE = "prometheus-operator/prometheus-operator"
_SETS = "statefulsets.apps"
# Kind -> its resource, where its data is, and its port.
_KINDS = {"prometheus": ("prometheuses", "/prometheus", 9090), "alertmanager": ("alertmanagers", "/alertmanager", 9093)}


def reconcile(world: World) -> None:
    operator = _operator(world)
    if operator is None:
        return
    for kind, (plural, folder, port) in _KINDS.items():
        for item in world.store.list(f"{plural}.{_GROUP}"):
            if not is_going(item):
                _govern(world, item, kind, port)
                _run(world, item, kind, _stateful_set(item, kind, folder, port, operator))


def _operator(world: World) -> Object | None:
    """The arguments of the operator that runs."""
    for pod in world.store.list("pods"):
        for container in pod["spec"]["containers"]:
            if _IMAGE in container["image"] and is_ready(pod) and not is_going(pod):
                given = (each.removeprefix("--").partition("=") for each in container.get("args") or ())
                return {name: value for name, _, value in given}
    return None


def _govern(world: World, item: Object, kind: str, port: int) -> None:
    """The headless Service of the kind, once for a namespace."""
    metadata = {"name": f"{kind}-operated", "namespace": item["metadata"]["namespace"]}
    ports = [{"name": "http-web", "port": port, "targetPort": port, "protocol": "TCP"}]
    spec = {"clusterIP": "None", "selector": {"app.kubernetes.io/name": kind}, "ports": ports}
    world.create("services", {"metadata": {**metadata, "ownerReferences": [_owned(item)]}, "spec": spec})


def _owned(item: Object) -> Object:
    return {**owner_reference(item), "controller": False}


def _stateful_set(item: Object, kind: str, folder: str, port: int, operator: Object) -> Object:
    said, name = item["spec"], item["metadata"]["name"]
    labels = {"app.kubernetes.io/name": kind, "app.kubernetes.io/instance": name, "operator.prometheus.io/name": name}
    if kind == "alertmanager":
        labels["alertmanager"] = name
    data = f"{kind}-{name}-db"
    reloader = {
        "name": "config-reloader",
        "image": operator["prometheus-config-reloader"],
        "resources": _reloader_resources(operator),
    }
    pod: Object = {
        "serviceAccountName": said.get("serviceAccountName") or "default",
        "initContainers": [{**reloader, "name": "init-config-reloader"}],
        "containers": [
            {
                "name": kind,
                "image": said["image"],
                "resources": said.get("resources") or {},
                "ports": [{"name": "http-web", "containerPort": port, "protocol": "TCP"}],
                "volumeMounts": [{"name": data, "mountPath": folder}],
            },
            reloader,
        ],
        "nodeSelector": said.get("nodeSelector") or {},
        "tolerations": said.get("tolerations") or [],
    }
    _mount(pod, said, kind, name)
    spec: Object = {
        "serviceName": f"{kind}-operated",
        "replicas": said.get("replicas", 1),
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": labels},
    }
    claim = (said.get("storage") or {}).get("volumeClaimTemplate")
    if claim:
        spec["volumeClaimTemplates"] = [{"metadata": {"name": data}, "spec": claim["spec"]}]
    else:
        pod["volumes"] = [*pod.get("volumes", []), {"name": data, "emptyDir": {}}]
    return {**spec, "template": {"metadata": {"labels": labels}, "spec": pod}}


def _mount(pod: Object, said: Object, kind: str, name: str) -> None:
    """The Secrets that the object names, without which the kubelet does not start the pod; and Thanos' sidecar."""
    secrets = list(said.get("secrets") or [])
    if kind == "alertmanager":
        secrets.append(said.get("configSecret") or f"alertmanager-{name}")
    if secrets:
        pod["volumes"] = [
            {"name": f"secret-{number}", "secret": {"secretName": secret}} for number, secret in enumerate(secrets)
        ]
        pod["containers"][0]["volumeMounts"] += [
            {"name": f"secret-{number}", "readOnly": True, "mountPath": f"/etc/{kind}/secrets/{secret}"}
            for number, secret in enumerate(secrets)
        ]
    thanos = said.get("thanos") or {}
    if thanos:
        sidecar: Object = {
            "name": "thanos-sidecar",
            "image": thanos["image"],
            "resources": thanos.get("resources") or {},
            "ports": [{"name": "grpc", "containerPort": 10901, "protocol": "TCP"}],
        }
        if bucket := thanos.get("objectStorageConfig"):
            sidecar["env"] = [{"name": "OBJSTORE_CONFIG", "valueFrom": {"secretKeyRef": bucket}}]
        pod["containers"].append(sidecar)


def _reloader_resources(operator: Object) -> Object:
    """An amount of 0 is none."""
    found: dict[str, dict[str, Any]] = {}
    for section, word in (("requests", "request"), ("limits", "limit")):
        amounts = {each: operator.get(f"config-reloader-{each}-{word}", "0") for each in ("cpu", "memory")}
        found[section] = {each: amount for each, amount in amounts.items() if amount != "0"}
    return {section: amounts for section, amounts in found.items() if amounts}


def _run(world: World, item: Object, kind: str, spec: Object) -> None:
    namespace, name = item["metadata"]["namespace"], f"{kind}-{item['metadata']['name']}"
    before = world.store.get(_SETS, namespace, name)
    if before is None:
        labels = {**spec["selector"]["matchLabels"], "managed-by": "prometheus-operator"}
        metadata = {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "ownerReferences": [owner_reference(item)],
        }
        before = world.create(_SETS, {"metadata": metadata, "spec": spec})
    elif not is_going(before):
        head = {"apiVersion": before["apiVersion"], "kind": before["kind"], "metadata": before["metadata"]}
        filled = world.objects.defaults.filled({**head, "spec": spec}, world.resources.of_key(_SETS), before)
        if filled["spec"] != before["spec"]:
            metadata = {**before["metadata"], "generation": before["metadata"]["generation"] + 1}
            before = world.store.put(_SETS, {**before, "metadata": metadata, "spec": filled["spec"]})
    ready = (before.get("status") or {}).get("readyReplicas") or 0
    is_available = ready >= spec["replicas"]
    said = condition("Available", is_available, "" if is_available else "NoPodReady")
    world.status(
        f"{_KINDS[kind][0]}.{_GROUP}", item, replicas=spec["replicas"], availableReplicas=ready,
        conditions=with_conditions(item.get("status"), said, condition("Reconciled", True, "")),
    )  # fmt: skip
