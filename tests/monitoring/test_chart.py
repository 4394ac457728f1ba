"""The fear: a release that Helm installs and that watches nothing: rules that are not read, dashboards not shown."""

import json
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from tests.charts.rendering import CHARTS, KUBERNETES, Manifest, helm, named, of_kind, pods, text_of
from tests.monitoring.chart import NAME, NODES, THANOS, release
from tests.monitoring.operator_objects import refused
from tests.monitoring.rule_files import RULES, loaded


def test_helm_has_nothing_to_say_against_it(program: Path) -> None:
    for values in (release(), release(thanos=THANOS)):
        linted = helm(program, "lint", "--strict", str(CHARTS / "monitoring"), values=values.values)
        assert linted.returncode == 0, linted.stdout + linted.stderr


def test_every_object_is_one_of_this_kubernetes_or_of_the_operator(with_thanos: list[Manifest]) -> None:
    for manifest in with_thanos:
        if manifest["apiVersion"].startswith("monitoring.coreos.com/"):
            assert refused(manifest) == []
        else:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_a_misspelt_field_of_the_operator_is_noticed(made: list[Manifest]) -> None:
    monitor = json.loads(json.dumps(of_kind(made, "ServiceMonitor")[0]))
    monitor["spec"]["endpoints"][0]["honorLabel"] = True

    assert "honorLabel" in refused(monitor)[0]


def test_every_object_says_its_namespace(with_thanos: list[Manifest]) -> None:
    assert {manifest["metadata"]["namespace"] for manifest in with_thanos} == {"monitoring"}


def test_a_second_deployment_is_the_same_to_the_byte(program: Path) -> None:
    assert text_of(program, release(thanos=THANOS)) == text_of(program, release(thanos=THANOS))


def test_it_brings_no_pods_unless_thanos_is_wanted(made: list[Manifest], with_thanos: list[Manifest]) -> None:
    assert {manifest["kind"] for manifest in made} == {"ServiceMonitor", "PrometheusRule", "ConfigMap"}
    assert [pod.id for pod in pods(with_thanos)] == ["StatefulSet thanos-store"]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_the_operator_gets_the_rules_that_promtool_has_checked(made: list[Manifest], path: Path) -> None:
    """To the last letter: Helm would take {{ $labels.domain }} for its own."""
    assert named(made, "PrometheusRule", f"{NAME}-{path.stem}")["spec"] == loaded(path)


def test_a_node_that_the_cluster_file_has_is_expected(made: list[Manifest]) -> None:
    (group,) = named(made, "PrometheusRule", f"{NAME}-expected-nodes")["spec"]["groups"]

    assert [rule["labels"] for rule in group["rules"]] == [
        {"node": node["name"], "role": node["role"]} for node in NODES
    ]
    assert {(rule["record"], rule["expr"]) for rule in group["rules"]} == {("eco2:node_expected", "vector(1)")}


def test_grafana_finds_a_dashboard_as_it_was_given(made: list[Manifest]) -> None:
    dashboard = named(made, "ConfigMap", f"{NAME}-dashboard-overview")

    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert dashboard["data"] == {"overview.json": '{"uid": "overview", "panels": []}'}


@pytest.mark.parametrize("text", ['{"dashboard": {"uid": "x", "panels": []}}', "no JSON", '{"panels": []}'])
def test_a_dashboard_that_grafana_would_not_take_is_refused(program: Path, text: str) -> None:
    """Wrapped as for its API it is none."""
    refused_ = _template(program, dashboards={"overview": text})

    assert refused_.returncode != 0
    assert "dashboards.overview is no dashboard" in refused_.stderr


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"node": []}, "'node' not allowed"),
        ({"nodes": [{"name": "k8s-redis"}]}, "/nodes/0"),
        ({"nodes": [*NODES, NODES[0]]}, "/nodes"),
        ({"scrape": {"eco2Namespaces": []}}, "/scrape/eco2Namespaces"),
        ({"dashboards": {"API Services": '{"uid": "x", "panels": []}'}}, "API Services"),
        ({"thanos": {"enabled": "yes"}}, "/thanos/enabled"),
        ({"thanos": {**THANOS, "bucketSecret": {"name": "thanos-bucket", "key": ""}}}, "/thanos/bucketSecret/key"),
        ({"thanos": {**THANOS, "query": {"sidecars": "--flag"}}}, "/thanos/query/sidecars"),
        ({"thanos": {**THANOS, "resources": {"requests": {"cpu": "30m", "memory": "1Gi"}}}}, "leaves nothing"),
    ],
)
def test_a_wrong_value_is_refused_by_its_place(program: Path, changed: dict[str, Any], said: str) -> None:
    refused_ = _template(program, **changed)

    assert refused_.returncode != 0
    assert said in refused_.stderr


def _template(program: Path, **changed: Any) -> Any:
    of = release(**changed)
    return helm(program, "template", of.name, str(CHARTS / "monitoring"), values=of.values)
