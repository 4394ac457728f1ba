"""Our own releases: which chart each comes from, what it is told, and in which order they are installed."""

from __future__ import annotations

import configparser
import os
from collections.abc import Sequence
from pathlib import Path

from provisioning.cluster import Cluster
from provisioning.kubernetes.charts import ReleaseSpec, kept
from provisioning.kubernetes.components import COMPONENTS, METRICS, component
from provisioning.kubernetes.errors import ChartMissing
from provisioning.kubernetes.monitoring import MONITORING, WATCHING
from provisioning.kubernetes.own_releases import api_releases, worker_releases
from provisioning.kubernetes.secrets import Given
from provisioning.kubernetes.values import VALUES, Told, pods_only
from provisioning.site import REPOSITORY, Site

CHARTS = REPOSITORY / "charts"
# The image's tag, when it is not the version of this tree.
VERSION = "ECO2_VERSION"

# The Ingresses of one load balancer. No pods, so it is not in the cluster file.
EDGE = "edge"
# Images are pulled on the first run.
_READY_S = 900.0


def own_releases(cluster: Cluster) -> list[str]:
    """The releases that come from charts of ours: those of the cluster file in its order, the edge, and what is watched
    where there is a monitoring."""
    watching = [WATCHING] if MONITORING in cluster.releases else []
    return [*(name for name in cluster.releases if name not in COMPONENTS), EDGE, *watching]


def layers(cluster: Cluster) -> list[list[str]]:
    """What has to be ready before the next is begun: infrastructure, then services and workers, then what looks at
    them and what lets the world in, and then what is made of the kinds that the monitoring brings."""
    own = own_releases(cluster)
    apps = [*api_releases(cluster), *worker_releases(cluster)]
    infrastructure = [name for name in own if name not in (*apps, EDGE, WATCHING)]
    first = [*(name for name in (METRICS,) if name in cluster.releases), *infrastructure]
    last = [*(name for name in (MONITORING,) if name in cluster.releases), EDGE]
    watching = [name for name in own if name == WATCHING]
    return [layer for layer in (first, apps, last, watching) if layer]


def chart_of(cluster: Cluster, release: str) -> str:
    """The folder under ``charts/``: one for all services, one for all workers, else of the release's own name."""
    if release in api_releases(cluster):
        return "api"
    if release == WATCHING:
        return MONITORING
    return "worker" if release in worker_releases(cluster) else release


def missing_charts(cluster: Cluster, charts_folder: Path = CHARTS) -> list[str]:
    """The chart folders that the cluster file asks for and that are not there, each once."""
    wanted = dict.fromkeys(chart_of(cluster, name) for name in own_releases(cluster))
    return [name for name in wanted if not (charts_folder / name / "Chart.yaml").is_file()]


def specs(site: Site, charts_folder: Path = CHARTS, given: Given | None = None) -> list[list[ReleaseSpec]]:
    """Every release of the phase ``releases``, layer by layer. Raises `ChartMissing` naming all that is missing, and
    `NotYet` before there are buckets and a network."""
    if missing := missing_charts(site.cluster, charts_folder):
        raise ChartMissing(", ".join(f"charts/{name}" for name in missing))
    return [[release(site, name, charts_folder, given) for name in layer] for layer in layers(site.cluster)]


def release(site: Site, name: str, charts_folder: Path = CHARTS, given: Given | None = None) -> ReleaseSpec:
    """One release as it should be. Raises like `specs`, and `ReceiversRefused`."""
    given = Given.by_environment() if given is None else given
    if name in COMPONENTS:
        return component(site, name, given.receivers)
    chart = chart_of(site.cluster, name)
    kept(charts_folder, charts_folder / chart)
    told = Told(site.cluster, site.outputs(), image_tag(), given)
    values = VALUES.get(chart, pods_only)(told, name)
    return ReleaseSpec(name, namespace_of(site.cluster, name), charts_folder / chart, values, timeout_s=_READY_S)


def namespace_of(cluster: Cluster, release: str) -> str:
    """The edge stands with the services, since an Ingress names Services of its own namespace; what is watched, with
    who watches."""
    if release == WATCHING:
        return cluster.releases[MONITORING].namespace
    if release != EDGE:
        return cluster.releases[release].namespace
    apis = api_releases(cluster)
    return cluster.releases[apis[0]].namespace if apis else "default"


def image_tag() -> str:
    """The version that is deployed: ``ECO2_VERSION``, else that of this tree (setup.cfg), whose charts these are."""
    if given := os.environ.get(VERSION):
        return given
    metadata = configparser.ConfigParser()
    metadata.read(REPOSITORY / "setup.cfg")
    return metadata["metadata"]["version"]


def flat(layered: Sequence[Sequence[ReleaseSpec]]) -> list[ReleaseSpec]:
    return [spec for layer in layered for spec in layer]
