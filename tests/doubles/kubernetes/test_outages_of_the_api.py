"""The API server fails as it is told to: it refuses, it is slow, it cuts the line, it is gone, and comes back."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from tests.doubles.hosts.cluster import BootstrapToken
from tests.doubles.kubernetes import KubernetesServer
from tests.doubles.kubernetes.client import Client
from tests.doubles.kubernetes.samples import config_map, workload

pytestmark = pytest.mark.long


def test_a_client_that_is_told_to_wait_comes_back(client: Client, server: KubernetesServer) -> None:
    server.faults.too_many("/configmaps", times=1, retry_after_s=1)
    client.apply(config_map("a", x="1"))
    codes = [each.code for each in server.requests if "configmaps" in each.path]
    assert codes[0] == 429
    assert codes[-1] == 201


def test_the_second_request_fails_and_the_third_does_not(client: Client, server: KubernetesServer) -> None:
    server.faults.add("GET", "/configmaps", code=500, nth=2)
    client.kubectl("get", "configmaps")
    assert "etcdserver" in client.refused("get", "configmaps")
    client.kubectl("get", "configmaps")


def test_a_line_is_cut(client: Client, server: KubernetesServer) -> None:
    server.faults.cut("PATCH", "/configmaps")
    apply = ("apply", "--server-side", "-f", "-")
    assert "EOF" in client.refused(*apply, stdin=config_map("a"))
    client.kubectl(*apply, stdin=config_map("a"))


def test_an_answer_is_late(client: Client, server: KubernetesServer) -> None:
    server.faults.add("GET", "/configmaps", delay_s=60.0)
    began = time.monotonic()
    assert "deadline exceeded" in client.refused("get", "configmaps", "--request-timeout=3s")
    assert time.monotonic() - began < 60.0


def test_a_server_that_is_down_refuses_connections_and_has_forgotten_nothing(
    client: Client, server: KubernetesServer
) -> None:
    client.apply(config_map("a", x="1"))
    server.set_api(up=False)
    assert not server.api_answers()
    assert "refused" in client.refused("get", "configmaps")
    server.set_api(up=True)
    assert "a" in client.kubectl("get", "configmaps", "-o", "name")


def test_what_was_saved_is_there_again_and_what_came_later_is_not(client: Client, server: KubernetesServer) -> None:
    client.apply(config_map("a", x="1"))
    saved = server.snapshot()
    client.apply(config_map("b", x="1"))
    server.restore(saved)
    names = client.kubectl("get", "configmaps", "-o", "name")
    assert "configmap/a" in names
    assert "configmap/b" not in names
    with pytest.raises(ValueError, match="no snapshot"):
        server.restore(b"something else")


def test_a_machine_that_was_deleted_registers_again_when_its_kubelet_starts(joined: KubernetesServer) -> None:
    joined.objects.delete(joined.resources.of_kind("Node"), "", "k8s-redis", {})
    joined.settle()
    assert joined.node_ready("k8s-redis") is None
    joined.set_kubelet("k8s-redis", runs=True, version="v1.34.12")
    joined.settle()
    node = joined.get("Node", "k8s-redis")
    assert node
    assert node["spec"]["providerID"].startswith("aws:///")


def test_tokens_are_the_secrets_that_kubeadm_makes(client: Client, server: KubernetesServer) -> None:
    token = BootstrapToken("abcdef", "0123456789abcdef", datetime(2030, 1, 1, tzinfo=UTC), "for a join")
    server.add_token(token)
    with pytest.raises(KeyError):
        server.add_token(token)
    assert server.tokens() == [token]
    client.kubectl("delete", "secret", "-n", "kube-system", "bootstrap-token-abcdef")
    assert server.tokens() == []
    with pytest.raises(KeyError):
        server.remove_token("abcdef")


def test_an_upgrade_changes_what_the_server_says_it_is(client: Client, joined: KubernetesServer) -> None:
    joined.upgraded("v1.34.6")
    joined.settle()
    assert "Server Version: v1.34.6" in client.kubectl("version")
    pod = joined.get("Pod", "kube-apiserver-k8s-master", "kube-system")
    assert pod
    assert pod["spec"]["containers"][0]["image"].endswith("v1.34.6")


def test_nothing_is_left_when_it_is_closed(client: Client, server: KubernetesServer) -> None:
    server.put(workload("Deployment", "web"))
    server.close()
    assert "refused" in client.refused("get", "pods")
    server.unmade()
    assert server.list("Namespace") == []
