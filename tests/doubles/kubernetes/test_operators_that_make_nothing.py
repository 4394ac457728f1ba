"""The Prometheus operator makes what its objects say while it runs, and nothing without it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioning.cluster import Cluster
from provisioning.kubernetes.components import storage_class
from tests.doubles.kubernetes import KubernetesServer
from tests.doubles.kubernetes.client import Client
from tests.doubles.kubernetes.components import CALICO, CLOUD, MONITORING, STORAGE, Components

pytestmark = pytest.mark.long

Object = dict[str, Any]
PROMETHEUS, ALERTMANAGER = "prometheus-monitoring-prometheus", "alertmanager-monitoring-alertmanager"
CREDENTIALS = {
    "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "monitoring-credentials", "namespace": "monitoring"},
    "stringData": {"grafana-username": "admin", "grafana-password": "a-password"},
}  # fmt: skip


@pytest.fixture
def watched(components: Components, client: Client) -> Components:
    """A cluster with a network and disks, and the monitoring in it."""
    for name in (CALICO, CLOUD, STORAGE):
        components.install(name, wait=name != CALICO)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}}
    client.apply(storage_class(), namespace, CREDENTIALS)
    components.install(MONITORING)
    return components


def sets(server: KubernetesServer) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in server.list("StatefulSet", "monitoring", "apps")}


def test_the_operator_runs_prometheus_where_and_as_its_object_says(watched: Components, cluster: Cluster) -> None:
    found = sets(watched.client.server)
    assert set(found) == {PROMETHEUS, ALERTMANAGER}
    said = cluster.releases[MONITORING].pods
    for name, pod in ((PROMETHEUS, said["prometheus"]), (ALERTMANAGER, said["alertmanager"])):
        assert found[name]["status"]["readyReplicas"] == pod.replicas
        template = found[name]["spec"]["template"]["spec"]
        assert template["nodeSelector"] == pod.nodes
        requested = [each["resources"]["requests"] for each in template["containers"]]
        assert sum(int(each["cpu"].removesuffix("m")) for each in requested) == pod.requests.cpu
    claims = {
        each["metadata"]["name"]: each["status"]["phase"]
        for each in watched.client.server.list("PersistentVolumeClaim", "monitoring")
    }
    assert claims == {
        "grafana": "Bound",
        f"{PROMETHEUS}-db-{PROMETHEUS}-0": "Bound",
        f"{ALERTMANAGER}-db-{ALERTMANAGER}-0": "Bound",
    }


def test_what_the_operator_made_follows_its_object_and_goes_with_it(watched: Components, client: Client) -> None:
    server = client.server
    client.kubectl(
        *("patch", "-n", "monitoring", "prometheus", "monitoring-prometheus", "--type=merge"),
        *("-p", json.dumps({"spec": {"replicas": 2}})),
    )
    server.settle()
    assert sets(server)[PROMETHEUS]["spec"]["replicas"] == 2
    client.kubectl("delete", "-n", "monitoring", "statefulset", ALERTMANAGER)
    server.settle()
    assert ALERTMANAGER in sets(server)
    client.kubectl("delete", "-n", "monitoring", "prometheus,alertmanager", "--all", "--timeout=20s")
    server.settle()
    assert sets(server) == {}


def test_without_the_operator_a_prometheus_is_only_an_object(components: Components, client: Client) -> None:
    client.server.settings.bad_images.add("prometheus-operator/prometheus-operator")
    for name in (CALICO, CLOUD, STORAGE):
        components.install(name, wait=name != CALICO)
    components.install(MONITORING, wait=False)
    assert client.server.list("Prometheus", "monitoring", "monitoring.coreos.com")
    assert sets(client.server) == {}
