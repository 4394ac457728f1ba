"""The stand-ins are offered as the real charts are, and refuse what those would silently ignore."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioning.cluster import CLUSTER_FILE, load, matrix
from provisioning.cluster.versions import Chart
from provisioning.kubernetes.binaries import unpack
from provisioning.kubernetes.components import COMPONENTS
from provisioning.site import NetworkOutput
from tests.doubles.charts import ChartRepository
from tests.doubles.charts.schema import schema

NETWORK = NetworkOutput(
    vpc_id="vpc-1", subnet_ids=("subnet-1",), security_group_id="sg-1", load_balancer_security_group="sg-2"
)


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bin")
    unpack(folder)
    return folder / "helm"


@pytest.fixture
def charts() -> Iterator[ChartRepository]:
    with ChartRepository() as charts:
        yield charts


def chart_of(component: str) -> Chart:
    chart = matrix().components[component].chart
    assert chart
    return chart


def rendered(
    helm: Path, charts: ChartRepository, component: str, values: dict[str, Any], home: Path
) -> subprocess.CompletedProcess[str]:
    chart = chart_of(component)
    words = [str(helm), "template", component, chart.name, "--version", chart.version, "--values", "-"]
    return subprocess.run(
        [*words, "--repo", charts.mirrors()[chart.repository]],
        input=json.dumps(values), text=True, capture_output=True, timeout=60, check=False,
        env={**os.environ, "HOME": str(home)},
    )  # fmt: skip


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_products_values_are_values_of_the_chart(
    helm: Path, charts: ChartRepository, tmp_path: Path, component: str
) -> None:
    values = COMPONENTS[component](load(CLUSTER_FILE), NETWORK)
    answered = rendered(helm, charts, component, values, tmp_path)
    assert answered.returncode == 0, answered.stderr
    kinds = {each["kind"] for each in yaml.safe_load_all(answered.stdout) if each}
    assert kinds & {"Deployment", "DaemonSet"}


@pytest.mark.parametrize(
    ("component", "values", "named"),
    [
        ("calico", {"installation": {"calicoNetwork": {"ipPool": []}}}, "ipPool"),
        ("calico", {"installation": {"calicoNetwork": {"ipPools": [{"cidrs": "192.168.0.0/16"}]}}}, "cidrs"),
        ("aws-cloud-controller-manager", {"hostNetwork": True}, "hostNetwork"),
        ("aws-ebs-csi-driver", {"controller": {"replicas": 2}}, "replicas"),
        ("aws-load-balancer-controller", {"clusterName": "eco2", "vpcID": "vpc-1"}, "vpcID"),
        ("metrics-server", {"replicaCount": 1}, "replicaCount"),
        ("metrics-server", {"replicas": "1"}, "replicas"),
        ("metrics-server", {"resources": {"request": {"cpu": "1m"}}}, "request"),
        ("monitoring", {"prometheus": {"prometheusSpec": {"storage": {}}}}, "storage"),
        ("monitoring", {"alertmanager": {"alertmanagerSpec": {"storageSpec": {}}}}, "storageSpec"),
        ("monitoring", {"prometheus": {"prometheusSpec": {"serviceMonitorSelectorNilUsesHelmValue": False}}}, "Nil"),
        ("monitoring", {"node-exporter": {"tolerations": []}}, "node-exporter"),
        ("monitoring", {"kubelet": {"insecureSkipVerify": False}}, "insecureSkipVerify"),
        ("monitoring", {"grafana": {"admin": {"secret": "x"}}}, "secret"),
    ],
)
def test_a_value_that_the_chart_does_not_know_is_refused(
    helm: Path, charts: ChartRepository, tmp_path: Path, component: str, values: dict[str, Any], named: str
) -> None:
    answered = rendered(helm, charts, component, values, tmp_path)
    assert answered.returncode != 0
    assert named in answered.stderr


def test_every_chart_of_the_matrix_is_offered_in_its_version(charts: ChartRepository) -> None:
    wanted = [each.chart for each in matrix().components.values() if each.chart]
    mirrors = json.loads(charts.mirror_environment()["ECO2_CHART_REPOSITORIES"])
    for chart in wanted:
        code, index = charts.answer(f"{mirrors[chart.repository].removeprefix(charts.url)}/index.yaml")
        assert code == 200
        assert yaml.safe_load(index)["entries"][chart.name][0]["version"] == chart.version


def test_a_chart_may_change_without_its_version(helm: Path, charts: ChartRepository, tmp_path: Path) -> None:
    before = rendered(helm, charts, "metrics-server", {}, tmp_path / "a").stdout
    charts.change(
        chart_of("metrics-server"), {"templates/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"}
    )
    after = rendered(helm, charts, "metrics-server", {}, tmp_path / "b").stdout
    assert "name: more" in after
    assert "name: more" not in before


def test_a_repository_that_is_broken_says_so(helm: Path, charts: ChartRepository, tmp_path: Path) -> None:
    charts.broken = 503
    answered = rendered(helm, charts, "metrics-server", {}, tmp_path)
    assert answered.returncode != 0
    assert "503" in answered.stderr


def test_a_word_that_is_no_type_is_a_mistake_in_the_double() -> None:
    with pytest.raises(ValueError, match="strng"):
        schema({"name": "strng"})
