"""Grafana's dashboards, made from the cluster file with Grafana's own library.

`dashboards` is all that others call. Each page is a module, some with sections in a module beside it; all are made of
`frame`, `layout`, `panels`, `tables` and `queries`.
"""

from __future__ import annotations

from provisioning.cluster import Cluster
from provisioning.monitoring.dashboards import api_services, business, infrastructure, overview, worker_services


def dashboards(cluster: Cluster) -> dict[str, str]:
    """A file's name without ``.json`` -> the dashboard, as Grafana's file provisioning reads it.

    The same cluster gives the same text. The data source's uid is ``prometheus``.
    """
    return {
        overview.NAME: overview.overview(cluster),
        api_services.NAME: api_services.api_services(cluster),
        worker_services.NAME: worker_services.worker_services(cluster),
        infrastructure.NAME: infrastructure.infrastructure(cluster),
        business.NAME: business.business(),
    }
