"""Pods run where they may and as many as they should, and say why when they do not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.kubernetes import KubernetesServer
from tests.doubles.kubernetes.client import Client
from tests.doubles.kubernetes.pods import is_ready
from tests.doubles.kubernetes.samples import budget, workload

pytestmark = pytest.mark.long

Object = dict[str, Any]


def put(server: KubernetesServer, *items: Object) -> None:
    for item in items:
        server.put(item)
    server.settle()


def pods(server: KubernetesServer, name: str) -> list[Object]:
    return [pod for pod in server.list("Pod", "default") if pod["metadata"]["labels"].get("app") == name]


def why_not(pod: Object) -> str:
    refused = [each for each in pod["status"]["conditions"] if each["type"] == "PodScheduled"]
    return str(refused[0]["message"])


def test_a_pod_without_the_toleration_waits(joined: KubernetesServer) -> None:
    put(joined, workload("Deployment", "web", pod={"tolerations": []}))
    assert "untolerated taint {node.cloudprovider.kubernetes.io/uninitialized: true}" in why_not(pods(joined, "web")[0])


def test_a_pod_whose_labels_no_node_has_waits(joined: KubernetesServer) -> None:
    put(joined, workload("Deployment", "web", pod={"nodeSelector": {"domain": "nowhere"}}))
    assert "13 node(s) didn't match Pod's node affinity/selector" in why_not(pods(joined, "web")[0])


def test_no_more_pods_run_on_a_node_than_have_room(joined: KubernetesServer) -> None:
    hungry = [{"name": "app", "image": "app:1", "resources": {"requests": {"cpu": "800m"}}}]
    put(
        joined,
        workload("Deployment", "web", replicas=3, pod={"nodeSelector": {"domain": "waste"}, "containers": hungry}),
    )
    placed = [pod for pod in pods(joined, "web") if pod["spec"].get("nodeName")]
    waiting = [pod for pod in pods(joined, "web") if not pod["spec"].get("nodeName")]
    assert {pod["spec"]["nodeName"] for pod in placed} == {"k8s-api-waste"}
    assert (len(placed), len(waiting)) == (2, 1)
    assert "1 Insufficient cpu" in why_not(waiting[0])


def test_a_pod_that_is_not_in_the_hosts_network_waits_for_a_network(joined: KubernetesServer) -> None:
    put(joined, workload("Deployment", "web", pod={"hostNetwork": False}))
    status = pods(joined, "web")[0]["status"]
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "ContainerCreating"


def test_a_pod_waits_for_the_secret_that_it_mounts(joined: KubernetesServer) -> None:
    volumes = [{"name": "key", "secret": {"secretName": "key"}}]
    put(joined, workload("Deployment", "web", pod={"volumes": volumes}))
    assert not is_ready(pods(joined, "web")[0])
    assert any('secret "key" not found' in each["message"] for each in joined.list("Event", "default"))
    put(joined, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "default"}})
    assert is_ready(pods(joined, "web")[0])


def test_a_workload_that_is_never_to_be_ready_never_is(joined: KubernetesServer) -> None:
    joined.settings.never_ready.add("deployment/web")
    put(joined, workload("Deployment", "web"), workload("Deployment", "other"))
    assert [is_ready(pod) for pod in pods(joined, "web") + pods(joined, "other")] == [False, True]


def test_a_daemon_runs_on_every_node_and_on_one_that_joins_later(joined: KubernetesServer) -> None:
    put(joined, workload("DaemonSet", "agent"))
    nodes = {node["metadata"]["name"] for node in joined.list("Node")}
    assert {pod["spec"]["nodeName"] for pod in pods(joined, "agent")} == nodes
    first = sorted(joined.kubelets)[0]
    node = joined.get("Node", first)
    assert node
    joined.objects.delete(joined.resources.of_kind("Node"), "", first, {})
    joined.settle()
    assert len(pods(joined, "agent")) == len(nodes) - 1
    joined.register_node(joined.kubelets[first].registration)
    joined.settle()
    assert len(pods(joined, "agent")) == len(nodes)


def test_a_deployment_is_never_without_the_pods_it_needs(client: Client, joined: KubernetesServer) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    put(joined, workload("Deployment", "web", replicas=3, strategy=strategy))
    least: list[int] = []
    joined.store.on_change.append(lambda change: least.append(sum(is_ready(pod) for pod in pods(joined, "web"))))
    client.kubectl("set", "image", "deployment/web", "app=app:2")
    client.kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    assert min(least) >= 3
    assert {pod["spec"]["containers"][0]["image"] for pod in pods(joined, "web")} == {"app:2"}


def test_a_job_ends_and_a_bad_one_fails(client: Client, joined: KubernetesServer) -> None:
    pod = {"restartPolicy": "Never", "hostNetwork": True, "tolerations": [{"operator": "Exists"}]}
    jobs = [
        {
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "default"},
            "spec": {"backoffLimit": 1, "template": {"spec": {**pod, "containers": [{"name": "a", "image": image}]}}},
        }
        for name, image in (("good", "app:1"), ("bad", "crash:1"))
    ]  # fmt: skip
    joined.settings.crashing_images.add("crash")
    client.apply(*jobs)
    client.kubectl("wait", "job/good", "--for=condition=Complete", "--timeout=20s")
    client.kubectl("wait", "job/bad", "--for=condition=Failed", "--timeout=20s")


def test_a_drain_moves_pods_and_stops_before_a_budget_is_broken(client: Client, joined: KubernetesServer) -> None:
    put(joined, workload("Deployment", "web"), workload("DaemonSet", "agent"), budget("web", 1))
    node = pods(joined, "web")[0]["spec"]["nodeName"]
    drain = ("drain", node, "--ignore-daemonsets", "--delete-emptydir-data")
    said = client.refused(*drain, "--timeout=1s")
    assert "violate the pod's disruption budget" in said
    client.kubectl("scale", "deployment/web", "--replicas=2")
    client.kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    client.kubectl(*drain, "--timeout=20s")
    joined.settle()
    assert node not in {pod["spec"]["nodeName"] for pod in pods(joined, "web")}
    assert sum(is_ready(pod) for pod in pods(joined, "web")) == 2


def test_pods_of_a_machine_that_is_silent_stay_until_somebody_decides(joined: KubernetesServer) -> None:
    put(joined, workload("DaemonSet", "agent"))
    name = sorted(joined.kubelets)[0]
    joined.set_kubelet(name, runs=False, version="v1.34.12")
    joined.settle()
    assert joined.node_ready(name) is False
    there = [pod for pod in pods(joined, "agent") if pod["spec"]["nodeName"] == name]
    assert [is_ready(pod) for pod in there] == [False]
    joined.set_kubelet(name, runs=True, version="v1.34.12")
    joined.settle()
    assert all(is_ready(pod) for pod in pods(joined, "agent"))
