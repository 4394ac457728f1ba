"""What kubectl and helm do with a real API server they do with the double."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path

import pytest

from tests.doubles.kubernetes import KubernetesServer
from tests.doubles.kubernetes.client import Client
from tests.doubles.kubernetes.samples import config_map, workload

NODE = "k8s-api-waste"


def _chart(folder: Path, text: str) -> Path:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: sample\nversion: 1.0.0\n")
    (folder / "templates" / "all.yaml").write_text(text)
    return folder


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    deployment = workload("Deployment", "web", "demo", image="web:{{ .Values.tag }}", replicas=2)
    return _chart(tmp_path / "sample", json.dumps(deployment))


def install(client: Client, chart: Path, tag: str, *more: str) -> str:
    words = ("upgrade", "--install", "demo", str(chart), "-n", "demo", "--create-namespace", "--wait")
    return client.helm(*words, "--timeout", "20s", "--set", f"tag={tag}", *more)


def test_the_programs_are_the_real_ones(client: Client) -> None:
    assert "Server Version: v1.34.5" in client.kubectl("version")
    assert client.helm("version", "--short").startswith("v4.")


def test_a_file_is_applied_once_and_then_unchanged(client: Client, server: KubernetesServer) -> None:
    item = config_map("a", x="1")
    assert "created" in client.kubectl("apply", "-f", "-", stdin=item)
    before = len(server.mutations())
    assert "unchanged" in client.kubectl("apply", "-f", "-", stdin=item)
    client.apply(item)
    changed = server.mutations()[before:]
    assert [each.method for each in changed] == ["PATCH"]  # the other manager owns it too, from now on
    client.apply(item)
    assert server.mutations()[before:] == changed


def test_an_apply_takes_away_what_it_no_longer_names(client: Client, server: KubernetesServer) -> None:
    client.apply(config_map("a", x="1", y="2"))
    client.apply(config_map("a", x="1"))
    found = server.get("ConfigMap", "a", "default")
    assert found
    assert found["data"] == {"x": "1"}


def test_two_who_apply_the_same_field_are_in_conflict(client: Client, server: KubernetesServer) -> None:
    client.apply(config_map("a", x="1"))
    other = ("apply", "--server-side", "--field-manager=other", "-f", "-")
    assert 'conflict with "test"' in client.refused(*other, stdin=config_map("a", x="2"))
    client.kubectl(*other, "--force-conflicts", stdin=config_map("a", x="2"))
    found = server.get("ConfigMap", "a", "default")
    assert found
    assert found["data"] == {"x": "2"}


def test_labels_and_taints_of_a_node_change_once(client: Client, joined: KubernetesServer) -> None:
    client.kubectl("label", "node", NODE, "colour=blue")
    client.kubectl("taint", "node", NODE, "colour=blue:NoSchedule")
    before = len(joined.mutations())
    client.kubectl("label", "node", NODE, "colour=blue")
    client.kubectl("taint", "node", NODE, "colour=blue:NoSchedule", "--overwrite")
    assert joined.mutations()[before:] == []
    assert NODE in client.kubectl("get", "nodes", "-l", "colour in (blue),domain=waste", "-o", "name")
    client.kubectl("taint", "node", NODE, "colour-")
    node = joined.get("Node", NODE)
    assert node
    assert "colour" not in [taint["key"] for taint in node["spec"]["taints"]]


def test_a_release_is_installed_upgraded_rolled_back_and_uninstalled(
    client: Client, joined: KubernetesServer, chart: Path
) -> None:
    assert "STATUS: deployed" in install(client, chart, "1")
    assert "REVISION: 2" in install(client, chart, "2")
    client.helm("rollback", "demo", "1", "-n", "demo", "--wait")
    found = joined.get("Deployment", "web", "demo", "apps")
    assert found
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1"
    releases = json.loads(client.helm("list", "-A", "-o", "json"))
    assert [(each["name"], each["revision"], each["status"]) for each in releases] == [("demo", "3", "deployed")]
    client.helm("uninstall", "demo", "-n", "demo", "--wait")
    joined.settle()
    assert joined.list("Deployment", "demo", "apps") == []
    assert joined.list("Pod", "demo") == []


def test_a_release_whose_image_is_bad_fails_and_is_rolled_back(
    client: Client, joined: KubernetesServer, chart: Path
) -> None:
    install(client, chart, "1")
    joined.settings.bad_images.add("web:2")
    words = ("upgrade", "demo", str(chart), "-n", "demo", "--wait", "--timeout", "2s", "--rollback-on-failure")
    failed = client.run("helm", *words, "--set", "tag=2")
    assert failed.returncode != 0
    assert "not ready" in failed.stderr
    assert "Back-off pulling" in client.kubectl("get", "events", "-n", "demo") or "Failed to pull" in client.kubectl(
        "get", "events", "-n", "demo"
    )
    history = json.loads(client.helm("history", "demo", "-n", "demo", "-o", "json"))
    assert [each["status"] for each in history] == ["superseded", "failed", "deployed"]


def test_a_list_is_applied_as_its_items_are(client: Client, server: KubernetesServer) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": [config_map("a", x="1"), config_map("b", x="1")]}
    client.kubectl("apply", "--server-side", "-f", "-", stdin=items)
    assert {item["metadata"]["name"] for item in server.list("ConfigMap", "default")} >= {"a", "b"}


def test_a_namespace_goes_with_everything_in_it(client: Client, joined: KubernetesServer) -> None:
    client.kubectl("create", "namespace", "demo")
    client.apply(workload("Deployment", "web", "demo"), config_map("a", "demo", x="1"))
    client.kubectl("delete", "namespace", "demo", "--timeout=20s")
    assert joined.list("Pod", "demo") == []
    assert joined.get("Namespace", "demo") is None


def test_waiting_ends_when_what_is_waited_for_has_come(client: Client, joined: KubernetesServer) -> None:
    joined.settings.pod_ready_after_s = 0.5
    client.apply(workload("StatefulSet", "db", replicas=2), workload("DaemonSet", "agent"))
    client.kubectl("rollout", "status", "statefulset/db", "--timeout=20s")
    client.kubectl("rollout", "status", "daemonset/agent", "--timeout=20s")
    client.kubectl("wait", "pod/db-1", "--for=condition=Ready", "--timeout=20s")


def test_a_request_for_a_certificate_is_approved_and_signed(client: Client, joined: KubernetesServer) -> None:
    request = joined.list("CertificateSigningRequest", group="certificates.k8s.io")[0]["metadata"]["name"]
    client.kubectl("certificate", "approve", request)
    joined.settle()
    found = joined.get("CertificateSigningRequest", request, group="certificates.k8s.io")
    assert found
    assert found["status"]["certificate"]


def test_only_a_client_with_a_certificate_of_the_cluster_is_let_in(client: Client, server: KubernetesServer) -> None:
    assert client.kubectl("get", "--raw", "/readyz") == "ok"
    assert server.authority
    trusting = ssl.create_default_context(cadata=server.authority.certificate)
    nobody = http.client.HTTPSConnection(server.address, server.port, context=trusting, timeout=10)
    nobody.request("GET", "/api/v1/nodes")
    answer = nobody.getresponse()
    assert (answer.status, json.load(answer)["reason"]) == (401, "Unauthorized")
    nobody.close()
    client.write_kubeconfig(server.kubeconfig("someone", ("somewhere",)))
    assert "forbidden" in client.refused("get", "nodes").lower()
    with KubernetesServer.standing() as other:
        own = json.loads(other.kubeconfig())
        own["clusters"][0]["cluster"]["server"] = f"https://{server.address}:{server.port}"
        client.write_kubeconfig(json.dumps(own))
        assert "certificate" in client.refused("get", "nodes")
