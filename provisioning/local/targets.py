"""What the local Prometheus scrapes and which rules it holds; jobs and labels are those of charts/monitoring."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from provisioning.local.settings import Stack

# An address and its labels.
Target = tuple[str, dict[str, str]]

INTERVAL_S = 5
RULES = "charts/monitoring/files/rules"

# Files that begin so speak of what only a cluster has, and some of their alerts fire where it is missing.
OF_CLUSTERS = "cluster-"

WORKERS = ("storage", "ai")

# Where RabbitMQ's plugin listens unless it is told otherwise: at a broker that is not ours.
RABBITMQ_METRICS_PORT = 15692
QUEUES = {"family": ["queue_coarse_metrics", "queue_consumer_count"]}


def configuration(stack: Stack) -> str:
    """Prometheus' configuration, in YAML. It differs when a rule differs, though it names the files only."""
    rules = rule_files(stack.root)
    told = {
        "global": {"scrape_interval": f"{INTERVAL_S}s", "evaluation_interval": f"{INTERVAL_S}s"},
        "rule_files": [str(path) for path in rules],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [_own(stack, "alertmanager")]}]}]},
        "scrape_configs": list(_jobs(stack)),
    }
    return f"# rules: {_digest(rules)}\n{yaml.safe_dump(told, sort_keys=False)}"


def rule_files(root: Path) -> list[Path]:
    """The rules of the chart that hold on one machine."""
    return [path for path in sorted((root / RULES).glob("*.yaml")) if not path.name.startswith(OF_CLUSTERS)]


def _jobs(stack: Stack) -> Iterator[dict[str, Any]]:
    """One scrape configuration a job; the processes that are not wanted have no target, and so no alert."""
    processes = [name for name in stack.wanted if name != "gateway"]
    if "gateway" in stack.wanted:
        yield _job("eco2-gateway", [(_own(stack, "gateway"), {"domain": "gateway"})], honor_labels=True)
    for job, names in (
        ("eco2-service", [name for name in processes if name not in WORKERS]),
        ("eco2-worker", [name for name in processes if name in WORKERS]),
    ):
        if names:
            yield _job(job, [(_own(stack, name), {"domain": name}) for name in names])
    broker: list[Target] = [(_broker(stack), {})]
    yield _job("rabbitmq", broker)
    yield _job("rabbitmq-detailed", broker, metrics_path="/metrics/detailed", params=QUEUES)
    yield _job("postgresql", [(_own(stack, "postgres_exporter"), {})])
    yield _job("redis", [(_own(stack, "redis_exporter"), {})])
    yield _job("node-exporter", [(_own(stack, "node_exporter"), {})])
    yield _job("prometheus", [(_own(stack, "prometheus"), {})])
    yield _job("alertmanager", [(_own(stack, "alertmanager"), {})])


def _job(name: str, targets: Iterable[Target], **options: Any) -> dict[str, Any]:
    configs = [{"targets": [address], "labels": labels} for address, labels in targets]
    return {"job_name": name, **options, "static_configs": configs}


def _own(stack: Stack, name: str) -> str:
    return f"127.0.0.1:{stack.ports[name]}"


def _broker(stack: Stack) -> str:
    if "rabbitmq" not in stack.replaced:
        return _own(stack, "amqp_metrics")
    host = urlsplit(stack.replaced["rabbitmq"]).hostname or "127.0.0.1"
    return f"[{host}]:{RABBITMQ_METRICS_PORT}" if ":" in host else f"{host}:{RABBITMQ_METRICS_PORT}"


def _digest(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]
