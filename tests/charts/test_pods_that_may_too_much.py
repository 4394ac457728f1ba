"""A container that is broken into: it must find no root, no token, nothing to write to and no other Secret."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.charts.rendering import Manifest, Pod, container, is_ours, of_kind, pods, workload
from tests.charts.restricted import violations
from tests.charts.values import ALL, DOMAINS, STORES, WORKERS

Rendered = Callable[[str], list[Manifest]]


@pytest.mark.parametrize("name", ALL)
def test_every_pod_is_restricted(rendered: Rendered, name: str) -> None:
    for pod in pods(rendered(name)):
        assert violations(pod) == [], pod.id


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda spec, one: spec.update(hostNetwork=True), "hostNetwork"),
        (lambda spec, one: spec["volumes"].append({"name": "root", "hostPath": {"path": "/"}}), "hostPath"),
        (lambda spec, one: spec.pop("automountServiceAccountToken"), "token"),
        (lambda spec, one: spec["securityContext"].pop("seccompProfile"), "seccomp"),
        (lambda spec, one: spec["securityContext"].update(runAsUser=0), "root"),
        (lambda spec, one: one["securityContext"].update(runAsNonRoot=False), "root"),
        (lambda spec, one: one["securityContext"].pop("allowPrivilegeEscalation"), "gain rights"),
        (lambda spec, one: one["securityContext"]["capabilities"].update(add=["NET_RAW"]), "capabilities"),
        (lambda spec, one: one["securityContext"].pop("readOnlyRootFilesystem"), "write into its image"),
        (lambda spec, one: one["resources"].pop("limits"), "memory at most"),
    ],
)
def test_each_way_around_is_seen(rendered: Rendered, spoil: Callable[[Any, Any], Any], said: str) -> None:
    good = workload(rendered("waste"))
    spec = copy.deepcopy(good.spec)
    spoil(spec, spec["containers"][0])

    assert any(said in found for found in violations(Pod(good.owner, spec, good.labels)))


@pytest.mark.parametrize("name", [*DOMAINS, *WORKERS, *STORES])
def test_no_service_account_has_a_token(rendered: Rendered, name: str) -> None:
    accounts = of_kind(rendered(name), "ServiceAccount")

    assert [account["automountServiceAccountToken"] for account in accounts] == [False]
    assert {pod.spec["serviceAccountName"] for pod in pods(rendered(name))} == {accounts[0]["metadata"]["name"]}


@pytest.mark.parametrize("name", ALL)
def test_what_may_not_write_into_its_image_has_a_place_for_temporary_files(rendered: Rendered, name: str) -> None:
    for pod in pods(rendered(name)):
        empty = {volume["name"] for volume in pod.spec.get("volumes", []) if "emptyDir" in volume}
        for one in pod.containers:
            if one["name"] == "exporter" or pod.owner["kind"] == "Pod":
                continue  # write nothing
            assert {mount["name"] for mount in one["volumeMounts"] if mount["mountPath"] == "/tmp"} <= empty  # noqa: S108
            assert "/tmp" in {mount["mountPath"] for mount in one["volumeMounts"]}, one["name"]  # noqa: S108


@pytest.mark.parametrize("name", ALL)
def test_every_temporary_folder_is_bounded(rendered: Rendered, name: str) -> None:
    for pod in pods(rendered(name)):
        for volume in pod.spec.get("volumes", []):
            assert "emptyDir" not in volume or volume["emptyDir"].get("sizeLimit"), volume


@pytest.mark.parametrize("name", ALL)
def test_images_are_pulled_with_the_registry_secret_and_by_an_exact_tag(rendered: Rendered, name: str) -> None:
    for pod in pods(rendered(name)):
        for one in pod.containers:
            tag = one["image"].rpartition(":")[2]
            assert tag not in ("latest", ""), one["image"]
            assert "/" not in tag, one["image"]
        if any(is_ours(one) for one in pod.containers) and name != "edge":
            assert pod.spec["imagePullSecrets"] == [{"name": "registry"}], pod.id


def test_the_exporter_beside_the_database_is_not_told_the_owners_password(rendered: Rendered) -> None:
    pod = workload(rendered("postgresql"))
    mounted = {mount["name"] for mount in container(pod, "exporter")["volumeMounts"]}
    volumes = [volume for volume in pod.spec["volumes"] if volume["name"] in mounted]

    assert [item["key"] for volume in volumes for item in volume["secret"]["items"]] == ["monitoring-password"]
    assert not any("valueFrom" in variable for variable in container(pod, "exporter")["env"])
