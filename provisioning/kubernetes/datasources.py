"""What Grafana asks: Prometheus, Alertmanager, and Thanos where there is one."""

from __future__ import annotations

from provisioning.cluster import Cluster
from provisioning.cluster.placement import Values
from provisioning.kubernetes import thanos


def datasources(cluster: Cluster, release: str, beside: str) -> list[Values]:
    """Of the release of the monitoring and of the one ``beside`` it, which has Thanos. Dashboards name them by uid."""
    namespace = cluster.releases[release].namespace
    found: list[Values] = [
        {
            "name": "Prometheus",
            "type": "prometheus",
            "uid": "prometheus",
            "url": f"http://{release}-prometheus.{namespace}:9090/",
            "access": "proxy",
            "isDefault": True,
            "jsonData": {"httpMethod": "POST", "timeInterval": "30s"},
        },
        {
            "name": "Alertmanager",
            "type": "alertmanager",
            "uid": "alertmanager",
            "url": f"http://{release}-alertmanager.{namespace}:9093/",
            "access": "proxy",
            "jsonData": {"implementation": "prometheus", "handleGrafanaManagedAlerts": False},
        },
    ]
    if thanos.is_wanted(cluster, release):
        # Beside Prometheus, not in its place: what is looked at every day must not hang on the bucket.
        asking = {"httpMethod": "POST", "prometheusType": "Thanos", "timeInterval": "30s"}
        url = f"http://{beside}-thanos.{namespace}:9090/"
        found.append(
            {"name": "Thanos", "type": "prometheus", "uid": "thanos", "url": url, "access": "proxy", "jsonData": asking}
        )
    return found
