"""What a real API server refuses, the double refuses, and says why in the same words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.doubles.kubernetes import KubernetesServer
from tests.doubles.kubernetes.client import Client
from tests.doubles.kubernetes.samples import config_map, workload


def without(item: dict[str, Any], *path: str) -> dict[str, Any]:
    changed = copy.deepcopy(item)
    below = changed
    for part in path[:-1]:
        below = below[part]
    del below[path[-1]]
    return changed


DEPLOYMENT = workload("Deployment", "web")
STRANGE_SELECTOR = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "selector": {"matchLabels": {"app": "other"}}}}
HUNGRY = workload("Deployment", "web", pod={"containers": [
    {"name": "app", "image": "app:1", "resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}
]})  # fmt: skip
UNMOUNTED = workload("Deployment", "web", pod={"containers": [
    {"name": "app", "image": "app:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
]})  # fmt: skip


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (workload("Deployment", "web", replica=1), 'unknown field "spec.replica"'),
        (workload("Deployment", "web", pod={"nodeSelectr": {}}), 'unknown field "spec.template.spec.nodeSelectr"'),
        (workload("Deployment", "web", replicas="1"), "spec.replicas"),
        (workload("Deployment", "Web"), "RFC 1123"),
        (workload("Deployment", "web", "nowhere"), 'namespaces "nowhere" not found'),
        (STRANGE_SELECTOR, "`selector` does not match template `labels`"),
        (without(DEPLOYMENT, "spec", "selector"), "spec.selector: Required value"),
        (HUNGRY, "must be less than or equal to memory limit"),
        (UNMOUNTED, 'Not found: "data"'),
        ({**config_map("a"), "data": {"x": 1}}, "data.x"),
        ({**config_map("a"), "kind": "ConfigMapp"}, "no matches for kind"),
        ({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"x": "not base64"}}, "data.x"),
    ],
)
def test_an_object_that_is_wrong_is_refused(client: Client, item: dict[str, Any], why: str) -> None:
    assert why in client.refused("apply", "-f", "-", stdin=item)


def test_an_applied_field_that_does_not_exist_is_refused(client: Client) -> None:
    item = workload("Deployment", "web", replica=1)
    said = client.refused("apply", "--server-side", "-f", "-", stdin=item)
    assert ".spec.replica: field not declared in schema" in said


def test_what_may_not_change_does_not(client: Client) -> None:
    client.apply(DEPLOYMENT)
    other = copy.deepcopy(DEPLOYMENT)
    other["spec"]["selector"]["matchLabels"] = other["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    assert "field is immutable" in client.refused("apply", "-f", "-", stdin=other)


def test_an_old_version_is_not_written_over_a_new_one(client: Client, server: KubernetesServer) -> None:
    client.apply(config_map("a", x="1"))
    found = server.get("ConfigMap", "a", "default")
    assert found
    client.apply(config_map("a", x="2"))
    stale = without(found, "metadata", "managedFields")
    assert "the object has been modified" in client.refused("replace", "-f", "-", stdin=stale)


def test_what_is_not_there_is_not_found(client: Client) -> None:
    assert 'deployments.apps "web" not found' in client.refused("get", "deployment", "web")
    assert "doesn't have a resource type" in client.refused("get", "installations")
    assert "already exists" in client.refused("create", "namespace", "default")


def test_a_node_keeps_its_provider_id(client: Client, joined: KubernetesServer) -> None:
    words = ("patch", "node", "k8s-master", "--type=merge", "-p", '{"spec": {"providerID": "aws:///x/i-1"}}')
    assert "may not change providerID" in client.refused(*words)


def test_a_custom_kind_is_there_with_its_definition_and_goes_with_it(client: Client, server: KubernetesServer) -> None:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.test"},
        "spec": {
            "group": "example.test", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }  # fmt: skip
    client.apply(definition)
    client.kubectl("wait", "crd/things.example.test", "--for=condition=Established", "--timeout=10s")
    thing = {"apiVersion": "example.test/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"size": 1}}
    client.apply(thing)
    assert "sice" in client.refused("apply", "-f", "-", stdin={**thing, "spec": {"sice": 1}})
    client.kubectl("delete", "crd", "things.example.test", "--timeout=10s")
    server.settle()
    assert server.store.list("things.example.test") == []
