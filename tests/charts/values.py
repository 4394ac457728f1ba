"""Each release with its values, made of the product's own cluster file."""

from typing import Any

from provisioning.cluster.model import Cluster
from provisioning.cluster.placement import placement
from tests.charts.rendering import Release

DOMAINS = ("waste", "auth", "userinfo", "location", "recycle", "chat")
WORKERS = ("storage", "ai")
PARTS = {"rabbitmq": 5672, "postgresql": 5432, "redis": 6379}
STORES = tuple(PARTS)
ALL = (*DOMAINS, *WORKERS, *STORES, "edge")

VERSION = "v0.7.0"
ACCOUNT = "123456789012"


def release(cluster: Cluster, name: str, **changed: Any) -> Release:
    """The release; `changed` replaces values at the top."""
    if name == "edge":
        return Release(name, "eco2", "edge", {**_edge(cluster), **changed})
    namespace = cluster.releases[name].namespace
    placed = placement(cluster, name)[name]
    common = {**placed, "imagePullSecrets": [{"name": cluster.registry.pull_secret}]}
    if name in DOMAINS:
        values = {**common, "domain": name, **_process(cluster, chat_or_ai=name == "chat")}
        values["network"]["loadBalancer"] = [str(cluster.network.vpc)]
        return Release(name, namespace, "api", {**values, **changed})
    if name in WORKERS:
        values = {**common, "worker": name, **_process(cluster, chat_or_ai=name == "ai")}
        return Release(name, namespace, "worker", {**values, **changed})
    clients = sorted({cluster.releases[one].namespace for one in (*DOMAINS, *WORKERS)})
    values = {**common, "network": {"clients": clients, "monitoring": "monitoring"}}
    if name == "postgresql":
        values["application"] = {"image": _image(cluster)}
        values["backup"] = {"bucket": f"{cluster.buckets.backups.name}-{ACCOUNT}", "region": cluster.region}
    return Release(name, namespace, name, {**values, **changed})


def _image(cluster: Cluster) -> dict[str, str]:
    return {"repository": cluster.registry.image, "tag": VERSION}


def _process(cluster: Cluster, *, chat_or_ai: bool) -> dict[str, Any]:
    bucket = f"{cluster.buckets.images.name}-{ACCOUNT}"
    parts = {name: {"namespace": cluster.releases[name].namespace, "port": port} for name, port in PARTS.items()}
    return {
        "image": _image(cluster),
        "pictures": {
            "url": f"https://s3.{cluster.region}.amazonaws.com/{bucket}",
            "cdnUrl": f"https://{cluster.domain.host('images')}",
        },
        "existingSecrets": {"backends": "backends", "models": "openai" if chat_or_ai else ""},
        "network": {"monitoring": "monitoring", "parts": parts},
    }


def _edge(cluster: Cluster) -> dict[str, Any]:
    return {
        "group": cluster.name,
        "tags": dict(cluster.tags),
        "hosts": [cluster.domain.host("api"), cluster.domain.host("www")],
        "certificateArn": f"arn:aws:acm:{cluster.region}:{ACCOUNT}:certificate/0b1c",
        "securityGroups": ["sg-0123456789abcdef0"],
        "image": _image(cluster),
        "grafana": {"host": cluster.domain.host("grafana")},
    }
