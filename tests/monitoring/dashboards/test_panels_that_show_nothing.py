"""A panel whose query is misspelt is empty, and an empty panel looks like a quiet day.

Prometheus' own tool evaluates every expression of every dashboard on the series of a healthy cluster, together with the
recording rules that the dashboards read.
"""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from provisioning.cluster.model import Cluster
from tests.monitoring.dashboards.declared import ROOT, TARGET_LABELS, declared
from tests.monitoring.dashboards.expressions import Asked, grouping_labels, matched_labels, metrics, questions
from tests.monitoring.dashboards.healthy import SCRAPE_SECONDS, SCRAPES, names, series

RULES = ROOT / "charts" / "monitoring" / "files" / "rules"
RECORDING = ("recording.yaml", "slo.yaml")


def recorded() -> set[str]:
    groups = [yaml.safe_load((RULES / name).read_text(encoding="utf-8"))["groups"] for name in RECORDING]
    return {rule["record"] for each in groups for group in each for rule in group["rules"] if "record" in rule}


@pytest.fixture(scope="module")
def asked(made: dict[str, str]) -> list[Asked]:
    return [each for text in made.values() for each in questions(text)]


def verdict(promtool: Path, folder: Path, cluster: Cluster, asked: list[str]) -> str:
    """What promtool says of these expressions: nothing where each has a value and none an error."""
    # Recorded as rules, so that a division with two partners is an error; asked, so that no value is one too.
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    (folder / "panels.json").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    end = f"{SCRAPES * SCRAPE_SECONDS}s"
    wanted = [
        {"expr": f"count({expression}) > bool 0", "eval_time": end, "exp_samples": [{"labels": "{}", "value": 1}]}
        for expression in asked
    ]
    # Three nodes show what all would, and no recorded value is older than Prometheus looks back.
    test = {
        "interval": f"{SCRAPE_SECONDS}s",
        "input_series": series([node.name for node in cluster.nodes[:3]]),
        "promql_expr_test": wanted,
    }
    files = {
        "rule_files": ["panels.json", *(str(RULES / name) for name in RECORDING)],
        "evaluation_interval": "4m",
        "tests": [test],
    }
    (folder / "test.json").write_text(json.dumps(files))
    done = subprocess.run(
        [promtool, "test", "rules", "test.json"], cwd=folder, capture_output=True, text=True, timeout=100
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_each_expression_says_something_of_a_healthy_cluster(
    promtool: Path, tmp_path: Path, cluster: Cluster, asked: list[Asked]
) -> None:
    assert not verdict(promtool, tmp_path, cluster, list(dict.fromkeys(each.expression for each in asked)))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (["sum(rate(eco2_http_request_second_count[5m]))", 'eco2_scans_total{state="was"}'], ["second_count", "was"]),
        (["kube_pod_info * on (namespace) kube_pod_status_ready"], ["many-to-many"]),
        (["sum by (domain (up)"], ["parse"]),
    ],
    ids=["no such series and value", "two partners", "no PromQL"],
)
def test_an_expression_that_says_nothing_is_found(
    promtool: Path, tmp_path: Path, cluster: Cluster, broken: list[str], said: list[str]
) -> None:
    told = verdict(promtool, tmp_path, cluster, broken)
    assert all(word in told for word in said), told


def test_each_series_exists(asked: list[Asked]) -> None:
    known = set(declared()) | names() | recorded()
    unknown = {(each.panel, name) for each in asked for name in metrics(each.expression) - known}
    assert not unknown


def test_our_series_have_the_labels_that_are_asked_for(asked: list[Asked]) -> None:
    ours = declared()
    strange = {
        (each.panel, name, label)
        for each in asked
        for name, label in matched_labels(each.expression)
        if name in ours and label not in {*ours[name].labels, *TARGET_LABELS, "le"}
    }
    assert not strange


def test_a_sum_keeps_only_labels_that_there_are(asked: list[Asked]) -> None:
    """A label that no series has makes one series of all, under an empty name."""
    ours = declared()
    strange = set()
    for each in asked:
        read = metrics(each.expression)
        if read <= set(ours):
            known = TARGET_LABELS.union({"le"}, *(ours[name].labels for name in read))
            strange |= {(each.panel, label) for label in grouping_labels(each.expression) - known}
    assert not strange


def test_a_name_with_a_label_in_it_finds_the_label(asked: list[Asked]) -> None:
    """``{{label}}`` of a label that the expression sums away would be blank."""
    for each in asked:
        for label in {part.split("}}")[0] for part in each.legend.split("{{")[1:]}:
            kept = grouping_labels(each.expression)
            bare = each.expression.startswith("domain:") and label in ("domain", "task_type", "outcome")
            made_up = f'"{label}"' in each.expression
            assert label in kept or bare or made_up, f"{each.panel}: {label} in {each.legend!r}"
