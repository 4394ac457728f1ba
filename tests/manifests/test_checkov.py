"""A manifest that asks for more than it needs, which nobody saw because nobody looked at what Helm really sends."""

from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster import Cluster
from provisioning.cluster.loading import load
from provisioning.kubernetes.binaries import tools
from provisioning.kubernetes.monitoring import WATCHING
from provisioning.kubernetes.release_table import own_releases
from provisioning.kubernetes.thanos import BUCKET, BUCKET_KEY
from tests.charts.rendering import Release, parsed, pods, text_of
from tests.charts.values import release
from tests.manifests.accepted import ACCEPTED
from tests.manifests.checkov import INSTALL_S, SCAN_S, scan

pytestmark = pytest.mark.timeout(INSTALL_S + SCAN_S)

SPOILED = """
apiVersion: v1
kind: Pod
metadata: {name: spoiled, namespace: spoiled}
spec:
  hostNetwork: true
  containers:
    - name: spoiled
      image: spoiled:latest
      securityContext: {privileged: true, allowPrivilegeEscalation: true}
"""


def releases(cluster: Cluster) -> list[Release]:
    """Every release as it is deployed, and what the cluster file may turn on."""
    thanos = {
        "enabled": True,
        "image": {"repository": "quay.io/thanos/thanos", "tag": "v0.40.1"},
        "bucketSecret": {"name": BUCKET, "key": BUCKET_KEY},
        "nodeSelector": {"domain": "monitoring"},
        "resources": {"requests": {"cpu": "80m", "memory": "256Mi"}, "limits": {"memory": "640Mi"}},
        "storage": "5Gi",
    }
    return [
        *(release(cluster, name) for name in own_releases(cluster) if name != WATCHING),
        release(cluster, WATCHING, thanos=thanos),
    ]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file a release, and one that is wrong on purpose."""
    cluster, folder = load(), tmp_path_factory.mktemp("manifests")
    helm = tools(cluster, tmp_path_factory.mktemp("bin")).helm.path
    for each in releases(cluster):
        (folder / f"{each.name}.yaml").write_text(text_of(helm, each), encoding="utf-8")
    (folder / "spoiled.yaml").write_text(SPOILED, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def report(rendered: Path) -> dict[str, Any]:
    """One run over all."""
    return scan(rendered, "kubernetes", home=rendered)


def found(report: dict[str, Any], *, spoiled: bool = False) -> set[tuple[str, str, str]]:
    """(check, resource, what it asks for), of our releases or of what is wrong on purpose."""
    return {
        (one["check_id"], one["resource"], one["check_name"])
        for one in report["results"]["failed_checks"]
        if one["file_path"].endswith("/spoiled.yaml") == spoiled
    }


def test_checkov_finds_nothing_that_is_not_accepted_with_a_reason(report: dict[str, Any]) -> None:
    open_ones = {
        finding for finding in found(report) if not any(accepted.covers(*finding[:2]) for accepted in ACCEPTED)
    }

    assert sorted(open_ones) == []


@pytest.mark.parametrize("accepted", ACCEPTED, ids=lambda accepted: f"{accepted.check} {accepted.where}")
def test_what_is_accepted_is_still_found(report: dict[str, Any], accepted: Any) -> None:
    """Else it would hide what comes back one day."""
    assert any(accepted.covers(check, resource) for check, resource, _ in found(report))


def test_checkov_has_looked_at_every_workload(report: dict[str, Any], rendered: Path) -> None:
    looked_at = {one["resource"] for one in report["results"]["passed_checks"]}
    there = {
        f"{pod.owner['kind']}.{pod.owner['metadata']['namespace']}.{pod.owner['metadata']['name']}"
        for file in rendered.glob("*.yaml")
        if file.name != "spoiled.yaml"
        for pod in pods(parsed(file.read_text(encoding="utf-8")))
    }

    assert len(there) > 20
    assert there <= looked_at
    assert report["summary"]["parsing_errors"] == 0


def test_no_chart_silences_it_by_an_annotation_of_its_own(report: dict[str, Any]) -> None:
    assert report["results"]["skipped_checks"] == []


@pytest.mark.parametrize(
    "check",
    ["CKV_K8S_16", "CKV_K8S_19", "CKV_K8S_20", "CKV_K8S_22", "CKV_K8S_13", "CKV_K8S_14", "CKV_K8S_23", "CKV_K8S_38"],
)
def test_what_is_wrong_on_purpose_is_seen(report: dict[str, Any], check: str) -> None:
    """Privileged, on the host's network, may gain rights, may write, no memory limit, "latest", root, a token."""
    assert check in {name for name, _, _ in found(report, spoiled=True)}
