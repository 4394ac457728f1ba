"""Small workloads for tests of the double."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
ANYWHERE = [{"operator": "Exists"}]


def workload(kind: str, name: str, namespace: str = "default", *, image: str = "app:1", **more: Any) -> Object:
    """A Deployment, StatefulSet or DaemonSet in the host's network that stands every taint; ``pod`` is laid over its
    pod's spec, all else over its own."""
    labels = {"app": name}
    pod = {
        "hostNetwork": True,
        "tolerations": ANYWHERE,
        "containers": [{"name": "app", "image": image}],
        **more.pop("pod", {}),
    }
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}, **more}
    if kind == "StatefulSet":
        spec.setdefault("serviceName", name)
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    }  # fmt: skip


def config_map(name: str, namespace: str = "default", **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def budget(name: str, at_least: int, namespace: str = "default") -> Object:
    return {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name, "namespace": namespace},
        "spec": {"minAvailable": at_least, "selector": {"matchLabels": {"app": name}}},
    }  # fmt: skip
