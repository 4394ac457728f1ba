"""What the pods of a domain take of what they are given. The same for services and for workers.

A pod's name begins with its release's, which is its domain's.
"""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.models import dashboard as models

from provisioning.cluster import Cluster
from provisioning.monitoring.dashboards.panels import SHARE, Limits, Query, graph
from provisioning.monitoring.dashboards.queries import increase, ratio

_BY = "namespace, pod"
_TO_DOMAIN = '"domain", "$1", "pod", "(.+?)-.+"'


def namespaces(cluster: Cluster, releases: Sequence[str]) -> str:
    """A regular expression for the namespaces of these releases."""
    return "|".join(dict.fromkeys(cluster.releases[name].namespace for name in releases))


def pod_panels(namespace: str) -> list[models.Panel]:
    """Memory, CPU, restarts and missing pods of the domains that ``$domain`` chooses."""
    mine = f'namespace=~"{namespace}", pod=~"${{domain}}-.+"'
    containers = f'{mine}, container!="", container!="POD"'
    memory = f"sum by ({_BY}) (container_memory_working_set_bytes{{{containers}}})"
    cpu = f"sum by ({_BY}) (rate(container_cpu_usage_seconds_total{{{containers}}}[$__rate_interval]))"

    def given(what: str, resource: str) -> str:
        return f'sum by ({_BY}) (kube_pod_container_resource_{what}{{{mine}, resource="{resource}"}})'

    ready = (
        f'sum by (namespace, domain) (label_replace(kube_pod_status_ready{{{mine}, condition="true"}}, {_TO_DOMAIN}))'
    )
    there = f"count by (namespace, domain) (label_replace(kube_pod_info{{{mine}}}, {_TO_DOMAIN}))"
    return [
        graph(
            "Memory used of the limit",
            "What each pod uses of its memory limit; at 100 % it is killed. Normal: below 80 %.",
            Query(f"{memory} / {given('limits', 'memory')}", "{{pod}}"),
            unit=SHARE,
            limits=Limits(warning=0.8, bad=0.9),
        ),
        graph(
            "CPU used of the request",
            "What each pod uses of the CPU reserved for it. More is allowed while the node is idle. "
            "Normal: below 100 %.",
            Query(f"{cpu} / {given('requests', 'cpu')}", "{{pod}}"),
            unit=SHARE,
            limits=Limits(warning=1),
        ),
        graph(
            "Restarts in the last hour",
            "How often Kubernetes started a container again. Normal: 0.",
            Query(
                increase("kube_pod_container_status_restarts_total", mine, "pod, container", "1h"),
                "{{pod}} {{container}}",
            ),
            limits=Limits(warning=1, bad=3),
        ),
        graph(
            "Pods ready",
            "Share of each domain's pods that take work. "
            "Normal: 100 %, less for moments while a release is rolled out.",
            Query(ratio(ready, there), "{{domain}}"),
            unit=SHARE,
            limits=Limits(warning=1, bad=0.5, low=True),
            most=1,
        ),
    ]
