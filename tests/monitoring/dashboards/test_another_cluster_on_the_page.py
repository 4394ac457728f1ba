"""The pages show the cluster of the file: its nodes, their number, its domains."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster.model import Cluster
from provisioning.monitoring.dashboards import dashboards
from tests.monitoring.dashboards.expressions import panels, questions


@pytest.fixture(scope="module")
def made_small(small: Cluster) -> dict[str, str]:
    return dashboards(small)


def choices(text: str) -> dict[str, list[str]]:
    """Variable -> its values."""
    return {each["name"]: each["query"].split(",") for each in json.loads(text)["templating"]["list"]}


def panel(text: str, title: str) -> dict[str, Any]:
    return next(each for each in panels(text) if each["title"] == title)


def test_the_title_counts_the_nodes(
    cluster: Cluster, small: Cluster, made: dict[str, str], made_small: dict[str, str]
) -> None:
    assert json.loads(made["overview"])["title"] == f"{len(cluster.nodes)}-Node Overview"
    assert json.loads(made_small["overview"])["title"] == f"{len(small.nodes)}-Node Overview"


def test_each_node_has_its_row_with_role_and_zone(cluster: Cluster, made: dict[str, str]) -> None:
    table = panel(made["overview"], "What each node has left")
    rows = table["targets"][0]["expr"]
    for node in cluster.nodes:
        for label, value in (("node", node.name), ("role", node.role), ("zone", node.zone)):
            assert f'"{label}", "{value}"' in rows
    assert rows.count("vector(1)") == len(cluster.nodes)


def test_a_node_is_chosen_from_those_of_the_file(small: Cluster, made_small: dict[str, str]) -> None:
    assert choices(made_small["infrastructure"])["node"] == [node.name for node in small.nodes]


def test_domains_are_chosen_from_the_releases_of_the_file(made: dict[str, str], made_small: dict[str, str]) -> None:
    assert choices(made["api-services"])["domain"] == ["waste", "auth", "userinfo", "location", "recycle", "chat"]
    assert choices(made["worker-services"])["domain"] == ["storage", "ai"]
    assert choices(made_small["api-services"])["domain"] == ["waste"]
    assert choices(made_small["worker-services"])["domain"] == ["ai"]


def test_no_node_of_the_product_stands_in_another_clusters_pages(cluster: Cluster, made_small: dict[str, str]) -> None:
    whole = "".join(made_small.values())
    assert not [node.name for node in cluster.nodes if node.name in whole]


def test_room_grows_with_the_nodes(made: dict[str, str], made_small: dict[str, str]) -> None:
    many, few = (panel(each["overview"], "What each node has left")["gridPos"]["h"] for each in (made, made_small))
    assert many > few


def test_a_node_that_is_away_keeps_its_cell_and_says_so(
    promtool: Path, tmp_path: Path, small: Cluster, made_small: dict[str, str]
) -> None:
    """One is Ready, one is not, one Kubernetes does not know at all."""
    ready, broken, away = small.nodes
    asked = next(each.expression for each in questions(made_small["overview"]) if each.panel == "Each node")
    missing = next(each.expression for each in questions(made_small["overview"]) if each.panel == "Nodes missing")

    def condition(name: str, value: int) -> dict[str, str]:
        labels = f'node="{name}", condition="Ready", status="true"'
        return {"series": f"kube_node_status_condition{{{labels}}}", "values": f"{value}x3"}

    expected = [
        {"labels": f'{{node="{node.name}", role="{node.role}", zone="{node.zone}"}}', "value": value}
        for node, value in ((ready, 1), (broken, 0), (away, 0))
    ]
    named = [
        {"series": f'eco2:node_expected{{node="{node.name}", role="{node.role}"}}', "values": "1x3"}
        for node in small.nodes
    ]
    told = {
        "tests": [
            {
                "interval": "30s",
                "input_series": [condition(ready.name, 1), condition(broken.name, 0), *named],
                "promql_expr_test": [
                    {"expr": asked, "eval_time": "1m", "exp_samples": expected},
                    {"expr": missing, "eval_time": "1m", "exp_samples": [{"labels": "{}", "value": 2}]},
                ],
            }
        ]
    }
    (tmp_path / "test.json").write_text(json.dumps(told))
    words = [promtool, "test", "rules", "test.json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
