"""Nodes, certificates, volumes and load balancers are there once what makes them runs, and go with their owners."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509

from provisioning.cluster import Machine
from provisioning.kubernetes.components import storage_class
from tests.doubles.kubernetes import KubernetesServer
from tests.doubles.kubernetes.client import Client
from tests.doubles.kubernetes.components import BALANCER, CALICO, CLOUD, METRICS, STORAGE, Components
from tests.doubles.kubernetes.controllers.cloud import TAINT
from tests.doubles.kubernetes.samples import workload

pytestmark = pytest.mark.long

Object = dict[str, Any]
INGRESS = {
    "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": "default"},
    "spec": {"ingressClassName": "alb", "defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
}  # fmt: skip


def ready(server: KubernetesServer) -> set[str]:
    return {name for name in server.kubelets if server.node_ready(name)}


def uninitialised(server: KubernetesServer) -> list[Object]:
    return [node for node in server.list("Node") if TAINT in [each["key"] for each in node["spec"].get("taints", ())]]


def names_of(request: Object) -> set[str]:
    asked = x509.load_pem_x509_csr(base64.b64decode(request["spec"]["request"]))
    alternatives = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each.value) for each in alternatives}


def requests_of(server: KubernetesServer, node: str) -> list[Object]:
    found = server.list("CertificateSigningRequest", group="certificates.k8s.io")
    return [each for each in found if each["spec"]["username"] == f"system:node:{node}"]


def test_nodes_are_ready_once_calico_runs_on_them(components: Components, joined: KubernetesServer) -> None:
    assert ready(joined) == set()
    components.install(CALICO, wait=False)
    assert ready(joined) == set(joined.kubelets)


def test_without_the_operator_an_installation_is_only_an_object(
    components: Components, joined: KubernetesServer
) -> None:
    joined.settings.bad_images.add("tigera/operator")
    components.install(CALICO, wait=False)
    assert joined.get("DaemonSet", "calico-node", "calico-system", "apps") is None
    assert ready(joined) == set()


def test_the_cloud_tells_of_a_node_once_its_controller_runs(
    components: Components, joined: KubernetesServer, machines: dict[str, Machine]
) -> None:
    assert len(uninitialised(joined)) == len(machines)
    components.install(CLOUD)
    assert uninitialised(joined) == []
    node = joined.get("Node", "k8s-api-auth")
    assert node
    assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == machines["k8s-api-auth"].zone
    addresses = {each["type"]: each["address"] for each in node["status"]["addresses"]}
    assert addresses["ExternalIP"] == str(machines["k8s-api-auth"].public_ip)
    assert addresses["Hostname"].endswith(".compute.internal")


def test_an_instance_that_the_cloud_does_not_know_stays_uninitialised(
    components: Components, joined: KubernetesServer, machines: dict[str, Machine]
) -> None:
    lost = machines["k8s-redis"].instance_id
    joined.settings.known_instances = {each.instance_id for each in machines.values()} - {lost}
    components.install(CLOUD)
    assert [node["metadata"]["name"] for node in uninitialised(joined)] == ["k8s-redis"]


def test_a_kubelet_asks_again_when_the_cloud_has_changed_its_addresses(
    components: Components, joined: KubernetesServer, machines: dict[str, Machine]
) -> None:
    machine = machines["k8s-redis"]
    first = requests_of(joined, "k8s-redis")
    assert [names_of(each) for each in first] == [{"k8s-redis", str(machine.private_ip)}]
    components.install(CLOUD)
    second = [each for each in requests_of(joined, "k8s-redis") if each not in first]
    assert len(second) == 1
    assert str(machine.public_ip) in names_of(second[0])


def test_the_kubelet_is_reached_only_with_a_signed_certificate(
    components: Components, client: Client, joined: KubernetesServer
) -> None:
    path = "/api/v1/nodes/k8s-redis/proxy/healthz"
    assert "tls: internal error" in client.refused("get", "--raw", path)
    client.kubectl("certificate", "approve", requests_of(joined, "k8s-redis")[0]["metadata"]["name"])
    joined.settle()
    assert client.kubectl("get", "--raw", path) == "ok"


def test_a_claim_is_bound_once_the_driver_runs_and_its_disk_goes_with_it(
    components: Components, client: Client, joined: KubernetesServer
) -> None:
    template = {"metadata": {"name": "data"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    }}  # fmt: skip
    mounts = [{"name": "app", "image": "app:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]
    pod = {"containers": mounts, "nodeSelector": {"domain": "redis"}}
    gone: list[str] = []
    joined.settings.on_volume_deleted = lambda volume: gone.append(volume["spec"]["csi"]["volumeHandle"])
    client.apply(storage_class(), workload("StatefulSet", "db", volumeClaimTemplates=[template], pod=pod))
    joined.settle()
    assert [claim["status"]["phase"] for claim in joined.list("PersistentVolumeClaim")] == ["Pending"]
    for name in (CALICO, CLOUD, STORAGE):
        components.install(name, wait=name != CALICO)
    client.kubectl("rollout", "status", "statefulset/db", "--timeout=20s")
    client.kubectl("delete", "pvc", "data-db-0", "--wait=false")
    joined.settle()
    assert len(joined.list("PersistentVolumeClaim")) == 1  # its pod still uses it
    client.kubectl("delete", "statefulset", "db", "--timeout=20s")
    joined.settle()
    assert joined.list("PersistentVolumeClaim") == joined.list("PersistentVolume") == []
    assert len(gone) == 1
    assert gone[0].startswith("vol-")


def test_an_ingress_gets_a_load_balancer_that_goes_with_it(
    components: Components, client: Client, joined: KubernetesServer
) -> None:
    gone: list[str] = []
    joined.settings.on_ingress = lambda ingress: f"{ingress['metadata']['name']}.elb.example.test"
    joined.settings.on_ingress_deleted = lambda ingress: gone.append(ingress["metadata"]["name"])
    client.apply(INGRESS)
    joined.settle()
    found = joined.get("Ingress", "web", "default", "networking.k8s.io")
    assert found
    assert found["status"] == {"loadBalancer": {}}
    for name in (CALICO, CLOUD, BALANCER):
        components.install(name, wait=name != CALICO)
    found = joined.get("Ingress", "web", "default", "networking.k8s.io")
    assert found
    assert found["status"]["loadBalancer"]["ingress"] == [{"hostname": "web.elb.example.test"}]
    client.kubectl("delete", "ingress", "web", "--timeout=20s")
    assert gone == ["web"]


def test_an_ingress_stays_while_nobody_takes_its_load_balancer_back(
    components: Components, client: Client, joined: KubernetesServer
) -> None:
    for name in (CALICO, CLOUD, BALANCER):
        components.install(name, wait=name != CALICO)
    client.apply(INGRESS)
    joined.settle()
    client.kubectl("scale", "-n", "kube-system", f"deployment/{BALANCER}", "--replicas=0")
    joined.settle()
    assert "timed out" in client.refused("delete", "ingress", "web", "--timeout=1s")


def test_metrics_need_certificates_that_were_approved(
    components: Components, client: Client, joined: KubernetesServer
) -> None:
    for name in (CALICO, CLOUD):
        components.install(name, wait=name != CALICO)
    components.install(METRICS, wait=False)
    assert "unable to handle the request" in client.refused("top", "nodes")
    for each in requests_of(joined, "k8s-redis"):
        client.kubectl("certificate", "approve", each["metadata"]["name"])
    joined.settle()
    assert "k8s-redis" in client.kubectl("top", "nodes")
