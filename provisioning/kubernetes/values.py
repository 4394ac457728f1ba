"""What each chart of ours is told, from the cluster file and Terraform's outputs: the keys of its values.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioning.cluster import Cluster
from provisioning.cluster.placement import Values, placement
from provisioning.kubernetes import thanos
from provisioning.kubernetes.monitoring import MONITORING
from provisioning.kubernetes.own_releases import (
    POSTGRESQL,
    RABBITMQ,
    REDIS,
    api_releases,
    app_namespaces,
)
from provisioning.kubernetes.secrets import BACKENDS, DATABASE, MODEL_SECRET, OWNER, Given, credentials
from provisioning.site import Outputs

# The ports of the charts' Services.
_PORTS = {RABBITMQ: 5672, POSTGRESQL: 5432, REDIS: 6379}
# Those that ask a model of OpenAI when there is a key.
_ASK_MODELS = ("chat", "ai")


@dataclass(frozen=True)
class Told:
    """What values are made from. ``tag`` is that of our images."""

    cluster: Cluster
    outputs: Outputs
    tag: str
    given: Given

    @property
    def image(self) -> Values:
        return {"repository": self.cluster.registry.image, "tag": self.tag}

    @property
    def workers_image(self) -> Values:
        """With the local model in it, which no service needs."""
        return {"repository": self.cluster.registry.workers_image, "tag": self.tag}

    @property
    def pull_secrets(self) -> list[dict[str, str]]:
        return [{"name": self.cluster.registry.pull_secret}] if self.given.registry else []

    @property
    def monitoring(self) -> str:
        """The namespace that may scrape."""
        found = self.cluster.releases.get(MONITORING)
        return found.namespace if found else MONITORING


def api(told: Told, release: str) -> Values:
    """A domain's pods, gateway and service."""
    values = {**_app(told, release), "domain": release}
    values["network"] = {"loadBalancer": [str(told.cluster.network.vpc)], **_network(told)}
    if public := told.cluster.domain.host("api"):
        page = f"https://{told.cluster.domain.host('www')}"
        values["config"] = {
            "gateway": {"public_url": f"https://{public}", "cors_origins": [page]},
            "auth": {"issuer": f"https://{public}", "page": f"{page}/"},
            "oauth": {"return_to": [f"{page}/"]},
        }
    return values


def worker(told: Told, release: str) -> Values:
    """A worker's pods, each with a volume for its journal."""
    return {**_app(told, release), "worker": release, "image": told.workers_image, "network": _network(told)}


def postgresql(told: Told, release: str) -> Values:
    """The database; its chart migrates and makes backups with our own image."""
    return {**_database(told, release), **_backups(told, release), "owner": OWNER, "database": DATABASE}


def redis(told: Told, release: str) -> Values:
    """The cache and what is kept in it; its chart makes backups with our own image."""
    return {**_database(told, release), **_backups(told, release)}


def edge(told: Told, release: str) -> Values:
    """The Ingresses: one load balancer for all, with the certificate and the group that Terraform has made."""
    cluster, outputs = told.cluster, told.outputs
    values = {
        "group": cluster.name,
        "tags": dict(cluster.tags),
        "hosts": [host for which in ("api", "www") if (host := cluster.domain.host(which))],
        "certificateArn": outputs.domain.certificate_arn or "",
        "securityGroups": [outputs.network.load_balancer_security_group],
        "image": told.image,
        "imagePullSecrets": told.pull_secrets,
    }
    if apis := api_releases(cluster):
        # Where the pod of `helm test` may run.
        place = placement(cluster, apis[0])[apis[0]]
        values |= {"nodeSelector": place["nodeSelector"], "tolerations": place["tolerations"], "defaultDomain": apis[0]}
    if MONITORING in cluster.releases:
        values["grafana"] = {"host": cluster.domain.host("grafana") or "", "namespace": told.monitoring}
    return values


def watching(told: Told, release: str) -> Values:
    """What is watched: monitors, rules and dashboards, and Thanos where the cluster file has it."""
    # Grafana's library takes its time to load, and most commands render nothing.
    from provisioning.monitoring.dashboards import dashboards

    cluster = told.cluster
    return {
        "nodes": [{"name": node.name, "role": node.role} for node in cluster.nodes],
        "scrape": {
            "eco2Namespaces": app_namespaces(cluster),
            "messagingNamespace": _namespace(cluster, RABBITMQ),
            "dataNamespace": _namespace(cluster, POSTGRESQL),
        },
        "dashboards": dashboards(cluster),
        "thanos": thanos.store(cluster, MONITORING),
    }


def pods_only(told: Told, release: str) -> Values:
    """A chart of which no more is known: where its pods run."""
    return {"pods": placement(told.cluster, release)}


def _app(told: Told, release: str) -> Values:
    asks = told.given.models and release in _ASK_MODELS
    bucket = told.outputs.buckets["images"]
    read = [BACKENDS, MODEL_SECRET] if asks else [BACKENDS]
    namespace = told.cluster.releases[release].namespace
    revisions = [told.given.revisions.get(f"{namespace}/{name}", "") for name in read]
    values = {
        **_main(told, release),
        "image": told.image,
        "imagePullSecrets": told.pull_secrets,
        "pictures": {
            "url": f"https://s3.{told.cluster.region}.amazonaws.com/{bucket}",
            "cdnUrl": told.outputs.cdn.url,
        },
        "existingSecrets": {"backends": BACKENDS, "models": MODEL_SECRET if asks else ""},
    }
    if any(revisions):
        # Pods read Secrets when they start, and so start anew with changed ones.
        values["podAnnotations"] = {"eco2/secrets": "-".join(revisions)}
    return values


def _database(told: Told, release: str) -> Values:
    return {
        **_main(told, release),
        "existingSecret": credentials(release),
        "network": {"clients": app_namespaces(told.cluster), "monitoring": told.monitoring},
    }


def _backups(told: Told, release: str) -> Values:
    """Where they go: below the prefix that the cluster file lets expire, of the release's name."""
    [prefix, *_] = [each for each in told.cluster.buckets.backups.expiring if each.startswith(release)] or [
        f"{release}/"
    ]
    return {
        "imagePullSecrets": told.pull_secrets,
        "application": {"image": told.image},
        "backup": {"bucket": told.outputs.buckets["backups"], "region": told.cluster.region, "prefix": prefix},
    }


def _main(told: Told, release: str) -> Values:
    """The place of the pod that has the release's name."""
    return placement(told.cluster, release)[release]


def _namespace(cluster: Cluster, release: str) -> str:
    """Where the release is. Without it nothing is found there, which the rules then say."""
    found = cluster.releases.get(release)
    return found.namespace if found else "default"


def _network(told: Told) -> dict[str, Any]:
    """Whom pods of ours may reach, and who may scrape them."""
    parts = {
        name: {"namespace": told.cluster.releases[name].namespace, "port": port}
        for name, port in _PORTS.items()
        if name in told.cluster.releases
    }
    return {"monitoring": told.monitoring, "parts": parts}


VALUES: Mapping[str, Callable[[Told, str], Values]] = {
    "api": api,
    "worker": worker,
    POSTGRESQL: postgresql,
    REDIS: redis,
    RABBITMQ: _database,
    "edge": edge,
    # By its chart's name, which is that of the release that it belongs to.
    MONITORING: watching,
}
