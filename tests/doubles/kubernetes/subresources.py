"""What hangs below objects: scale, eviction, a pod's log, a node's kubelet; and the metrics API."""

from __future__ import annotations

import copy
from typing import Any

from tests.doubles.kubernetes import errors
from tests.doubles.kubernetes.errors import Refusal
from tests.doubles.kubernetes.objects import Objects
from tests.doubles.kubernetes.patching import json_patched, merge_patched
from tests.doubles.kubernetes.pods import is_ready, matching_budgets
from tests.doubles.kubernetes.resources import Resource
from tests.doubles.kubernetes.store import Store, now

Object = dict[str, Any]


def answered(
    objects: Objects, resource: Resource, namespace: str, name: str, sub: str, method: str, body: Any, patch: str
) -> Object | str:
    """Raises `Refusal`."""
    first, _, rest = sub.partition("/")
    item = objects.get(resource, namespace, name)
    if first == "eviction" and method == "POST":
        return _evicted(objects, resource, item, body)
    if first == "log" and method == "GET":
        return f"{name} says nothing: it is a double's\n"
    if first == "proxy" and method == "GET":
        return _kubelet(item, rest)
    if first == "scale":
        return _scaled(objects, resource, item, method, body, patch)
    raise Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def _evicted(objects: Objects, resource: Resource, pod: Object, eviction: Object) -> Object:
    """https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/"""
    metadata = pod["metadata"]
    with objects.store.lock:
        finished = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        for budget in () if finished or metadata.get("deletionTimestamp") else matching_budgets(objects.store, pod):
            allowed = (budget.get("status") or {}).get("disruptionsAllowed", 0)
            if allowed < 1 and is_ready(pod):
                raise Refusal(
                    429,
                    "TooManyRequests",
                    "Cannot evict pod as it would violate the pod's disruption budget.",
                    details={
                        "causes": [
                            {
                                "reason": "DisruptionBudget",
                                "message": f"The disruption budget {budget['metadata']['name']} needs "
                                f"{budget['status'].get('desiredHealthy', 0)} healthy pods and has "
                                f"{budget['status'].get('currentHealthy', 0)} currently",
                            }
                        ]
                    },
                )
            if is_ready(pod):
                status = {**budget["status"], "disruptionsAllowed": allowed - 1}
                objects.store.put("poddisruptionbudgets.policy", {**budget, "status": status})
        options = eviction.get("deleteOptions") or {}
        objects.delete(resource, metadata["namespace"], metadata["name"], options)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _kubelet(node: Object, path: str) -> str:
    """The kubelet through the API server, which wants its serving certificate to be signed."""
    if not node["metadata"].get("annotations", {}).get("double.test/serving-certificate"):
        raise Refusal(500, "InternalError", "remote error: tls: internal error")
    return "ok" if path.startswith("healthz") else "\n"


def _scaled(objects: Objects, resource: Resource, item: Object, method: str, body: Any, patch: str) -> Object:
    if method in ("PUT", "PATCH"):
        scale = _scale(item)
        if method == "PUT":
            wanted = body
        else:
            wanted = json_patched(scale, body) if "json-patch" in patch else merge_patched(scale, body)
        after = copy.deepcopy(item)
        after["spec"]["replicas"] = wanted["spec"]["replicas"]
        metadata = item["metadata"]
        item = objects.update(resource, metadata.get("namespace", ""), metadata["name"], after, "scale", sub="scale")
    elif method != "GET":
        raise errors.no_such_path()
    return _scale(item)


def _scale(item: Object) -> Object:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: value for key, value in item["metadata"].items() if key in kept},
        "spec": {"replicas": item["spec"].get("replicas", 0)},
        "status": {"replicas": (item.get("status") or {}).get("replicas", 0)},
    }


def extensions(store: Store) -> list[tuple[str, str]]:
    """The groups and versions that an APIService hands to a workload in the cluster."""
    found = [item["spec"] for item in store.list("apiservices.apiregistration.k8s.io")]
    return [(spec["group"], spec["version"]) for spec in found if spec.get("service")]


def aggregated_api(store: Store, path: str) -> Object | None:
    """The metrics API, as long as metrics-server's APIService is available; None for every other path."""
    prefix = "/apis/metrics.k8s.io/v1beta1"
    if not path.startswith(prefix):
        return None
    service = store.get("apiservices.apiregistration.k8s.io", "", "v1beta1.metrics.k8s.io")
    if service is None:
        return None
    conditions = (service.get("status") or {}).get("conditions") or ()
    if not any(each["type"] == "Available" and each["status"] == "True" for each in conditions):
        raise Refusal(503, "ServiceUnavailable", "the server is currently unable to handle the request")
    usage = {"cpu": "100m", "memory": "256Mi"}
    if path == f"{prefix}/nodes":
        return _metrics(
            "NodeMetricsList", [{"metadata": {"name": _name(each)}, "usage": usage} for each in store.list("nodes")]
        )
    if path == f"{prefix}/pods":
        return _metrics("PodMetricsList", [])
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1", "resources": []}


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _metrics(kind: str, items: list[Object]) -> Object:
    stamped = [{**item, "timestamp": now(), "window": "15s"} for item in items]
    return {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": stamped}
