"""Charts that are missing, do not render or make pods that cannot run, before there is a machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.cluster import matrix
from provisioning.kubernetes.charts import MIRRORS
from provisioning.preflight.rendering import rendering
from tests.doubles.kubernetes import KubernetesServer
from tests.provisioning.kubernetes.conftest import programs  # noqa: F401 - a fixture
from tests.provisioning.phases.clouds import Heard, changed
from tests.provisioning.preflight.conftest import Ready

POD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: 1
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec:
      nodeSelector: {domain: nowhere}
      containers:
        - {name: x, image: "x:1", envFrom: [{secretRef: {name: not-made}}], resources: {requests: {memory: 100Gi}}}
"""


@pytest.fixture
def installed(ready: Ready, programs: Path) -> Ready:  # noqa: F811
    (ready.site.folder.parent / "bin").symlink_to(programs)
    return ready


@pytest.fixture
def charts(tmp_path: Path, installed: Ready, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chart of ours for every release, each with a pod that nothing can run; the charts of others are nowhere."""
    folder = tmp_path / "charts"
    for name in ("api", "worker", "postgresql", "rabbitmq", "redis", "monitoring", "edge"):
        (folder / name / "templates").mkdir(parents=True)
        (folder / name / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
        (folder / name / "templates/pod.yaml").write_text(POD)
    nowhere = {}
    for component in matrix().components.values():
        if component.chart is not None:
            nowhere[component.chart.repository] = "http://127.0.0.1:9"
    monkeypatch.setenv(MIRRORS, json.dumps(nowhere))
    return folder


def test_what_helm_would_make_is_looked_at_before_the_first_apply(installed: Ready, charts: Path) -> None:
    found = rendering(installed.site, Heard().step(), charts)
    by_release = {(finding.release, finding.number) for finding in found.findings}
    for release in ("waste", "storage", "redis"):
        assert (release, 20) in by_release, "no node has its labels"
        assert (release, 22) in by_release, "nobody makes its Secret"
    assert not installed.site.outputs_file.exists()
    assert sorted(path.name for path in installed.site.folder.parent.iterdir()) == ["bin", "charts", "eco2"]


def test_a_repository_that_does_not_answer_is_told_for_each_release_and_hides_no_other(
    installed: Ready, charts: Path
) -> None:
    (charts / "redis/templates/pod.yaml").write_text("{{ .Values.no.such }}")
    found = rendering(installed.site, Heard().step(), charts)
    assert {"calico", "metrics-server", "redis"} <= set(found.failures)
    assert {finding.release for finding in found.findings} >= {"waste", "postgresql"}
    assert "waste" not in found.failures


@pytest.fixture
def server(installed: Ready) -> Iterator[KubernetesServer]:
    with KubernetesServer.standing(version="v1.34.5") as running:
        installed.site.kubeconfig.write_text(running.kubeconfig())
        installed.site.kubeconfig.chmod(0o600)
        yield running


def wants(ready: Ready, version: str) -> None:
    said = json.loads(ready.site.cluster_file.read_text())["kubernetes"] | {"version": version}
    ready.site = changed(ready.site, kubernetes=said)


def test_26_a_cluster_of_the_wanted_version_is_right(installed: Ready, server: KubernetesServer) -> None:
    wants(installed, "1.34.5")
    assert installed.findings(26) == ()


@pytest.mark.parametrize(
    ("version", "remedy"), [("1.34.12", "./inv cluster.upgrade"), ("1.33.13", "kubernetes.version: 1.34.5")]
)
def test_26_another_version_is_no_matter_of_a_rebuild(
    installed: Ready, server: KubernetesServer, version: str, remedy: str
) -> None:
    wants(installed, version)
    [finding] = installed.findings(26)
    assert remedy in finding.remedy
    assert installed.errors(26)


def test_26_a_cluster_that_does_not_answer_stops_nothing(installed: Ready, server: KubernetesServer) -> None:
    server.set_api(up=False)
    assert installed.errors(26) == []
    assert len(installed.warnings(26)) == 1
