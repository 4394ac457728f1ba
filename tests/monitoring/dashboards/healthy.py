"""Series as a healthy cluster has them, in the notation of ``promtool test rules``: of ours and of the exporters.

Two pods of a service, two of another, and the workers: enough for a sum over the wrong labels, or a division that finds
two partners, to show.
"""

import itertools
from collections.abc import Iterator

from tests.monitoring.dashboards.declared import Metric, declared
from tests.monitoring.dashboards.exporters import SOURCES

SCRAPES = 24
SCRAPE_SECONDS = 30
BOUNDS = {"0.1": 4, "0.5": 7, "1": 9, "10": 10, "+Inf": 10}

# Pod -> its domain. They stand on the first node, the second, and so on.
PODS = {"waste-5d-a": "waste", "waste-5d-b": "waste", "chat-7f-a": "chat", "storage-0": "storage", "ai-0": "ai"}
WORKERS = ("storage", "ai")

# What a label of ours may be. The code's own words where a panel asks for them.
VALUES: dict[str, tuple[str, ...]] = {
    "status": ("2xx", "5xx"),
    "route": ("/api/v1/waste/scans", "/waste/health"),
    "kind": ("rpc", "event"),
}
VALUES_OF = {
    ("eco2_database_connections", "state"): ("in_use", "idle"),
    ("eco2_redis_connections", "state"): ("in_use", "idle"),
    ("eco2_cache_requests_total", "outcome"): ("hit", "miss"),
    ("eco2_scans_total", "state"): ("completed", "failed"),
    ("eco2_scan_seconds", "state"): ("completed", "failed"),
    ("eco2_scan_feedback_total", "verdict"): ("right", "wrong"),
    ("eco2_task_seconds", "outcome"): ("completed", "failed"),
    ("eco2_ai_calls_total", "provider"): ("openai", "local"),
    ("eco2_gateway_places_in_use", "domain"): ("waste", "chat"),
    ("eco2_gateway_places_limit", "domain"): ("waste", "chat"),
    ("eco2_gateway_place_wait_seconds", "domain"): ("waste", "chat"),
}
ORDINARY = ("ok", "other")


def series(nodes: list[str]) -> list[dict[str, str]]:
    """What ``input_series`` takes."""
    lines = [*_ours(), *_of_others(nodes)]
    return [{"series": name, "values": _values(value)} for name, value in lines]


def names() -> set[str]:
    """All series that others have, as Prometheus knows them."""
    return {name.split("{")[0] for name, _ in _of_others(["a"])}


def _ours() -> Iterator[tuple[str, str]]:
    for metric in sorted(set(declared().values()), key=lambda each: each.name):
        for target in _targets(metric):
            choices = [VALUES_OF.get((metric.name, label), VALUES.get(label, ORDINARY)) for label in metric.labels]
            for values in itertools.product(*choices):
                # A metric's own label wins over the target's: honorLabels.
                labels = {**target, **dict(zip(metric.labels, values, strict=True))}
                text = ", ".join(f'{name}="{value}"' for name, value in labels.items())
                value = {"counter": "0+10", "gauge": "1", "histogram": "HISTOGRAM"}[metric.kind]
                yield from _expanded(f"{metric.name}{{{text}}}", value)


def _targets(metric: Metric) -> Iterator[dict[str, str]]:
    """The processes that have the metric: a folder's own; what all share is in all."""
    folder = metric.path.parts[:2]
    for pod, domain in PODS.items():
        where = {"domain": domain, "namespace": "eco2", "pod": pod, "instance": pod}
        if domain in WORKERS:
            if folder[0] in ("workers", "wal") or folder[1] == "kernel":
                yield {"job": "eco2-worker", **where}
        elif folder[1] in ("kernel", "gateway") or folder[0] == "services":
            jobs = {"gateway": ["gateway"], "kernel": ["gateway", "service"]}.get(folder[1], ["service"])
            yield from ({"job": f"eco2-{job}", **where, "instance": f"{pod}:{job}"} for job in jobs)


def _of_others(nodes: list[str]) -> Iterator[tuple[str, str]]:
    for block in SOURCES.values():
        for line in filter(None, map(str.strip, block.splitlines())):
            name, value = line.rsplit(" ", 1)
            if "POD" in name:
                for pod, node in zip(PODS, itertools.cycle(nodes)):
                    yield from _expanded(name.replace("POD", pod).replace("NODE", node), value)
            elif "NODE" in name:
                for node in nodes:
                    yield from _expanded(name.replace("NODE", node), value)
            else:
                yield from _expanded(name, value)


def _expanded(name: str, value: str) -> Iterator[tuple[str, str]]:
    if value != "HISTOGRAM":
        yield name, value
        return
    metric, labels = name.rstrip("}").split("{")
    comma = ", " if labels else ""
    for bound, growth in BOUNDS.items():
        yield f'{metric}_bucket{{{labels}{comma}le="{bound}"}}', f"0+{growth}"
    yield f"{metric}_count{{{labels}}}", "0+10"
    yield f"{metric}_sum{{{labels}}}", "0+2"


def _values(value: str) -> str:
    return f"{value}x{SCRAPES}"
