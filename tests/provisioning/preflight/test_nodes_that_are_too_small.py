"""The product's own cluster file with all its releases, rendered: every pod has a place, and each node has room."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from provisioning.aws import Account
from provisioning.cluster.model import Cluster
from provisioning.kubernetes.charts import MIRRORS
from provisioning.kubernetes.components import COMPONENTS
from provisioning.kubernetes.monitoring import WATCHING
from provisioning.kubernetes.release_table import own_releases
from provisioning.preflight import CHECKS, Severity
from provisioning.preflight.check import Context
from provisioning.preflight.report import Result, Status
from tests.doubles.charts import ChartRepository
from tests.provisioning.kubernetes.conftest import programs  # noqa: F401 - a fixture
from tests.provisioning.phases.clouds import changed
from tests.provisioning.preflight.conftest import RENDERING, Ready


@pytest.fixture
def installed(ready: Ready, programs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ready]:  # type: ignore[no-untyped-def]  # noqa: F811
    (ready.site.folder.parent / "bin").symlink_to(programs)
    with ChartRepository() as charts:
        monkeypatch.setenv(MIRRORS, json.dumps(charts.mirrors()))
        yield ready


def results(ready: Ready) -> dict[int, Result]:
    """The checks that render, made over one rendering."""
    context = Context(ready.site, Account(ready.site.cluster.region), 120)
    assert context.rendering.failures == {}
    found = {check.number: Result(check, tuple(check.run(context))) for check in CHECKS if check.number in RENDERING}
    rendered = {finding.release for finding in context.rendering.findings}
    assert rendered <= {*COMPONENTS, *own_releases(ready.site.cluster)}
    return found


def test_every_release_of_the_cluster_file_fits_with_what_each_node_keeps_for_itself(installed: Ready) -> None:
    cluster = installed.site.cluster
    assert WATCHING in own_releases(cluster)
    found = results(installed)
    for number, result in found.items():
        said = [finding.what for finding in result.findings if finding.severity is not Severity.NOTE]
        assert (number, said, result.status) == (number, [], Status.OK)

    [note] = found[19].findings
    lines = note.what.splitlines()[1:]
    print(note.what)
    assert [line.partition(":")[0] for line in lines] == [node.name for node in cluster.nodes]
    for line in lines:
        taken_cpu, room_cpu, taken_mi, room_mi, taken, room = numbers(line)
        assert 0 < taken_cpu <= room_cpu, line
        assert 0 < taken_mi <= room_mi, line
        assert 0 < taken <= room, line
    # What is told is shown, without a remedy that nobody needs.
    shown = list(found[19].lines())
    assert shown[0].split()[:2] == ["19", "ok"]
    assert len(shown) == len(lines) + 2


def numbers(line: str) -> list[int]:
    """``name: 795m of 1800m CPU, 2008 of 3084 Mi, 9 of 60 pods``"""
    words = line.rpartition(": ")[2].replace("m ", " ").replace(",", "").split()
    return [int(word) for word in words if word.isdigit()]


def reserved(cluster: Cluster) -> int:
    """Memory that the kubelet of each node leaves to the system, in MiB."""
    said = cluster.kubernetes
    return (said.system_reserved.memory + said.kube_reserved.memory + said.eviction.memory_available) >> 20


def test_what_is_kept_for_the_system_is_no_room_for_pods(installed: Ready) -> None:
    [note] = results(installed)[19].findings
    for line, node in zip(note.what.splitlines()[1:], installed.site.cluster.nodes, strict=True):
        room_mi = numbers(line)[3]
        assert room_mi < node.machine.memory_mib - reserved(installed.site.cluster)


def test_a_pod_of_the_monitoring_that_its_node_has_no_room_for_is_told_with_the_figures(installed: Ready) -> None:
    releases = json.loads(installed.site.cluster_file.read_text())["releases"]
    store = {"nodes": {"domain": "monitoring"}, "replicas": 1, "limits": {"memory": "640Mi"}}
    releases["monitoring"]["pods"]["thanos-store"] = {**store, "requests": {"cpu": "80m", "memory": "256Mi"}}
    installed.site = changed(installed.site, releases=releases)
    found = results(installed)
    assert [result.status for result in found.values()] == [Status.OK] * len(found)
    [note] = found[19].findings
    [line] = [line for line in note.what.splitlines() if line.startswith("k8s-monitoring")]
    _, _, with_store, _, _, _ = numbers(line)

    del releases["monitoring"]["pods"]["thanos-store"]
    installed.site = changed(installed.site, releases=releases)
    [note] = results(installed)[19].findings
    [line] = [line for line in note.what.splitlines() if line.startswith("k8s-monitoring")]
    assert with_store - numbers(line)[2] == 256
