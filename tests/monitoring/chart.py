"""charts/monitoring rendered as it is deployed, and the targets that its monitors lead to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.charts.rendering import Manifest, Release, of_kind

NAME = "eco2-monitoring"
NODES = [{"name": "k8s-master", "role": "control-plane"}, {"name": "k8s-redis", "role": "infrastructure"}]
THANOS: Mapping[str, Any] = {
    "enabled": True,
    "bucketSecret": {"name": "thanos-bucket", "key": "objstore.yml"},
    "nodeSelector": {"domain": "monitoring"},
    "tolerations": [{"key": "workload", "operator": "Equal", "value": "infrastructure", "effect": "NoSchedule"}],
    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
    "storage": "5Gi",
}


def release(**changed: Any) -> Release:
    """With two nodes and a dashboard; `changed` replaces values at the top."""
    values = {"nodes": NODES, "dashboards": {"overview": '{"uid": "overview", "panels": []}'}, **changed}
    return Release(NAME, "monitoring", "monitoring", values)


@dataclass(frozen=True)
class Target:
    """One port of one Service, as Prometheus scrapes it."""

    release: str
    port: str
    path: str
    labels: Mapping[str, str]
    honors_labels: bool


def targets(monitors: list[Manifest], services: list[Manifest]) -> Iterator[Target]:
    """What the operator makes of the monitors: those Services whose namespace, labels and ports' names they choose."""
    for monitor in monitors:
        for service in of_kind(services, "Service"):
            if not _chooses(monitor["spec"], service):
                continue
            ports = {port["name"] for port in service["spec"]["ports"]}
            for endpoint in monitor["spec"]["endpoints"]:
                if endpoint["port"] in ports:
                    of = service["metadata"]["labels"]["app.kubernetes.io/instance"]
                    labels = relabelled(endpoint, service)
                    honors = bool(endpoint.get("honorLabels"))
                    yield Target(of, endpoint["port"], endpoint["path"], labels, honors)


def relabelled(endpoint: Mapping[str, Any], service: Manifest) -> dict[str, str]:
    """The target's labels after the operator's own relabelings and then the monitor's."""
    metadata = service["metadata"]
    found = {f"__meta_kubernetes_service_label_{_plain(key)}": value for key, value in metadata["labels"].items()}
    found |= {"__meta_kubernetes_pod_node_name": "the-node"}
    own = {"namespace": metadata["namespace"], "service": metadata["name"], "pod": "the-pod", "container": "c"}
    labels = {**own, "job": metadata["name"], "endpoint": endpoint["port"], "instance": "10.0.0.1:8000"}
    for step in endpoint["relabelings"]:
        if step["action"] == "labeldrop":
            labels = {key: value for key, value in labels.items() if not re.fullmatch(step["regex"], key)}
        else:
            source = ";".join(({**found, **labels}).get(name, "") for name in step.get("sourceLabels", []))
            labels[step["targetLabel"]] = step.get("replacement", source)
    return {key: value for key, value in labels.items() if value}


def _chooses(spec: Mapping[str, Any], service: Manifest) -> bool:
    labels = service["metadata"]["labels"]
    said = spec["selector"]["matchLabels"].items() <= labels.items()
    among = all(labels.get(one["key"]) in one["values"] for one in spec["selector"].get("matchExpressions", []))
    return service["metadata"]["namespace"] in spec["namespaceSelector"]["matchNames"] and said and among


def _plain(key: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", key)
