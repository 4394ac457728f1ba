"""A deployment that is not what cluster.yaml says, or that its nodes have no room for."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from provisioning.cluster.capacity import allocatable, fit
from provisioning.cluster.model import Cluster
from provisioning.cluster.placement import placement, tolerations
from provisioning.cluster.quantities import Resources, memory_bytes, millicores
from provisioning.kubernetes.monitoring import WATCHING
from provisioning.kubernetes.release_table import EDGE, own_releases
from services.kernel.config import DEFAULTS
from tests.charts.rendering import Manifest, container, named, of_kind, pods, workload
from tests.charts.values import DOMAINS, STORES, WORKERS, are_the_cluster_files

Rendered = Callable[[str], list[Manifest]]
RUNNING = (*DOMAINS, *WORKERS, *STORES)
OF_THE_DATABASES_OWNER = 3
"""superuser_reserved_connections, by default."""


def test_these_are_the_releases_of_the_cluster_file(cluster: Cluster) -> None:
    assert are_the_cluster_files(cluster)
    assert {*RUNNING} == {*own_releases(cluster)} - {EDGE, WATCHING}


@pytest.mark.parametrize("name", RUNNING)
def test_a_pod_is_named_placed_and_counted_as_the_file_says(cluster: Cluster, rendered: Rendered, name: str) -> None:
    pod = workload(rendered(name))
    wanted = cluster.releases[name].pods[name]

    assert pod.owner["metadata"]["name"] == name
    assert pod.owner["metadata"]["namespace"] == cluster.releases[name].namespace
    assert pod.owner["spec"]["replicas"] == wanted.replicas
    assert pod.spec["nodeSelector"] == wanted.nodes
    assert pod.spec.get("tolerations", []) == tolerations(cluster, wanted)


@pytest.mark.parametrize("name", RUNNING)
def test_all_containers_together_ask_for_what_the_file_says(cluster: Cluster, rendered: Rendered, name: str) -> None:
    wanted = cluster.releases[name].pods[name]
    containers = workload(rendered(name)).spec["containers"]

    assert _sum(containers, "requests") == Resources(wanted.requests.cpu, wanted.requests.memory)
    assert wanted.limits is not None
    assert _sum(containers, "limits").memory == wanted.limits.memory


@pytest.mark.parametrize("name", RUNNING)
def test_what_runs_before_a_pod_asks_for_no_more_than_the_pod(rendered: Rendered, name: str) -> None:
    pod = workload(rendered(name)).spec
    whole = _sum(pod["containers"], "requests")
    for one in pod.get("initContainers", []):
        assert whole.holds(_sum([one], "requests"))


@pytest.mark.parametrize("name", [*WORKERS, *STORES])
def test_a_volume_is_as_large_as_the_file_says(cluster: Cluster, rendered: Rendered, name: str) -> None:
    (claim,) = workload(rendered(name)).owner["spec"]["volumeClaimTemplates"]

    assert claim["spec"]["resources"]["requests"]["storage"] == f"{cluster.releases[name].pods[name].volume_gib}Gi"


@pytest.mark.parametrize("name", DOMAINS)
def test_a_new_pod_fits_beside_the_old_ones_while_a_release_is_rolled_out(
    cluster: Cluster, rendered: Rendered, name: str
) -> None:
    """Else the roll-out would wait for ever, since no old pod goes before the new one is ready."""
    surge = workload(rendered(name)).owner["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    pod = cluster.releases[name].pods[name]
    more = pod.model_copy(update={"replicas": (pod.replicas or 0) + surge})
    release = cluster.releases[name].model_copy(update={"pods": {name: more}})

    fitted = fit(cluster.nodes, cluster.kubernetes, {**cluster.releases, name: release})

    assert [shortage.message for shortage in fitted.shortages] == []


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_a_job_beside_the_database_fits_on_its_node(cluster: Cluster, rendered: Rendered, kind: str) -> None:
    (job,) = (pod for pod in pods(rendered("postgresql")) if pod.owner["kind"] == kind)
    (node,) = (node for node in cluster.nodes if node.matches(job.spec["nodeSelector"]))
    room = allocatable(node, cluster.kubernetes)
    on_every_node = [
        pod.requests.one_pod for one in cluster.releases.values() for pod in one.pods.values() if pod.nodes is None
    ]
    taken = Resources.total([*on_every_node, cluster.releases["postgresql"].pods["postgresql"].requests.one_pod])

    assert (room - taken).holds(_sum(job.spec["containers"], "requests") + Resources(pods=1))


def test_postgresql_takes_every_connection_that_all_processes_may_open(cluster: Cluster, rendered: Rendered) -> None:
    """Also while every domain's release is being rolled out, with one pod more."""
    each = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))["database_connections"]
    apis = sum(
        (workload(rendered(name)).owner["spec"]["strategy"]["rollingUpdate"]["maxSurge"] + _replicas(cluster, name))
        for name in DOMAINS
    )
    # A worker's journal syncs by a connection of its own; migrations, the backup and the exporter come beside them.
    most = apis * each + sum(_replicas(cluster, name) * (each + 1) for name in WORKERS) + OF_THE_DATABASES_OWNER + 6

    conf = named(rendered("postgresql"), "ConfigMap", "postgresql-config")["data"]["postgresql.conf"]
    settings = dict(line.split(" = ") for line in conf.splitlines() if " = " in line)

    assert int(settings["max_connections"].strip("'")) >= most


def test_postgresqls_memory_has_room_for_what_it_shares(rendered: Rendered) -> None:
    conf = named(rendered("postgresql"), "ConfigMap", "postgresql-config")["data"]["postgresql.conf"]
    settings = dict(line.split(" = ") for line in conf.splitlines() if " = " in line)
    limit = container(workload(rendered("postgresql")), "postgresql")["resources"]["limits"]["memory"]

    shared = int(settings["shared_buffers"].strip("'").removesuffix("MB")) * 1024 * 1024
    assert 0.15 < shared / memory_bytes(limit) < 0.4


@pytest.mark.parametrize("name", DOMAINS)
def test_the_load_balancer_is_told_of_the_nodes_that_the_pods_may_be_on(
    cluster: Cluster, rendered: Rendered, name: str
) -> None:
    annotations = named(rendered(name), "Service", name)["metadata"]["annotations"]
    told = dict(pair.split("=") for pair in annotations["alb.ingress.kubernetes.io/target-node-labels"].split(","))

    assert told == placement(cluster, name)[name]["nodeSelector"]


def test_every_node_of_the_file_is_missed_when_it_is_not_there(cluster: Cluster, rendered: Rendered) -> None:
    rules = named(rendered(WATCHING), "PrometheusRule", f"{WATCHING}-expected-nodes")["spec"]["groups"][0]["rules"]

    assert {rule["labels"]["node"]: rule["labels"]["role"] for rule in rules} == {
        node.name: node.role for node in cluster.nodes
    }


def test_metrics_are_asked_for_where_the_file_puts_the_releases(cluster: Cluster, rendered: Rendered) -> None:
    asked = {
        namespace
        for monitor in of_kind(rendered(WATCHING), "ServiceMonitor")
        for namespace in monitor["spec"]["namespaceSelector"]["matchNames"]
    }

    assert asked == {cluster.releases[name].namespace for name in RUNNING}


def test_every_dashboard_is_one_that_grafana_finds_and_kubernetes_takes(rendered: Rendered) -> None:
    dashboards = [each for each in of_kind(rendered(WATCHING), "ConfigMap") if "grafana_dashboard" in _labels(each)]

    assert len(dashboards) == 5
    for each in dashboards:
        [text] = each["data"].values()
        assert len(text.encode()) < 1 << 20
        assert _labels(each)["grafana_dashboard"] == "1"


def test_what_is_watched_has_no_pods_without_thanos(rendered: Rendered) -> None:
    assert list(pods(rendered(WATCHING))) == []


def test_no_other_workload_is_hidden_in_a_release(rendered: Rendered) -> None:
    for name in RUNNING:
        kinds = [pod.owner["kind"] for pod in pods(rendered(name)) if "helm.sh/hook" not in _annotations(pod.owner)]
        jobs = ["CronJob"] if name in ("postgresql", "redis") else []
        assert sorted(kinds) == sorted([*jobs, "Deployment" if name in DOMAINS else "StatefulSet"])
        assert of_kind(rendered(name), "DaemonSet") == []


def _sum(containers: list[Manifest], section: str) -> Resources:
    amounts = [one["resources"][section] for one in containers]
    cpu = sum(millicores(amount["cpu"]) for amount in amounts if "cpu" in amount)
    return Resources(cpu, sum(memory_bytes(amount["memory"]) for amount in amounts))


def _replicas(cluster: Cluster, name: str) -> int:
    return cluster.releases[name].pods[name].replicas or 0


def _labels(manifest: Manifest) -> Any:
    return manifest["metadata"].get("labels", {})


def _annotations(manifest: Manifest) -> Any:
    return manifest["metadata"].get("annotations", {})
