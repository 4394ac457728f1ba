"""The fear: an alert that never fires, one that always does, and one that wakes somebody for nothing."""

import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.rule_files import QUESTIONS, RULES, Question, alerts, loaded, questions, rules

Asked = Callable[[Path], str]

_WRONG = re.compile(r"^ *expr: .*\n(?: {8,}.*\n)*", re.MULTILINE)
_FAILED = re.compile(r'ALERTS\{alertname=\\?"(\w+)\\?"')
_ANSWER = re.compile(r"^ *alertname: (\w+), time: \w+, *\n((?: .*\n)+?)(?= *alertname: |\n|\Z)", re.MULTILINE)


def _ran(promtool: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *words], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def asked(promtool: Path, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """A file of questions -> what promtool finds wrong; once, since to ask takes seconds.

    Beside its own question each one that fires is told to expect no alert, which is wrong: promtool then says it.
    """

    def ask(file: Path) -> str:
        there = tmp_path_factory.mktemp("questions") / file.name
        own = loaded(file)
        rule_files = [str((file.parent / path).resolve()) for path in own["rule_files"]]
        tests = [_told(one) if one.fires else one.test for one in questions() if one.file == file]
        _write(there, {**own, "rule_files": rule_files, "tests": tests})
        done = _ran(promtool, "test", "rules", there)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    return cache(ask)


def test_prometheus_takes_every_file(promtool: Path) -> None:
    """Plain rule files, no PrometheusRule objects: `groups` at the top, and none without rules."""
    checked = _ran(promtool, "check", "rules", *RULES)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert all(group["rules"] for path in RULES for group in loaded(path)["groups"])


@pytest.mark.parametrize("file", QUESTIONS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_then_only(asked: Asked, file: Path) -> None:
    """What `promtool test rules` says of the file as it stands."""
    assert _WRONG.findall(asked(file)) == [], asked(file)


def test_every_alert_is_asked_for_both() -> None:
    every = list(questions())

    assert {one.alert for one in every if one.fires} == set(alerts()), "some alerts are never seen to fire"
    assert {one.alert for one in every if not one.fires} == set(alerts()), "some alerts are never seen to be silent"


def test_a_silent_alert_is_asked_while_its_series_are_there() -> None:
    """Nothing at all would be silent too."""
    empty = [one.test["name"] for one in questions() if not one.fires and not one.test["input_series"]]

    assert empty == []


@pytest.mark.parametrize(("expression", "noticed"), [("vector(1) > 2", True), ("vector(1)", False)])
def test_an_alert_that_says_always_the_same_is_noticed(
    promtool: Path, tmp_path: Path, expression: str, noticed: bool
) -> None:
    """Each alert replaced by one that never fires, then by one that always does: no question is content with it."""
    broken = [{"alert": name, "expr": expression} for name in alerts()]
    _write(tmp_path / "rules.yaml", {"groups": [{"name": "broken", "rules": broken}]})
    asked = [one for one in questions() if one.fires is noticed]
    tests = [_hurried(one.test) for one in asked]
    question = {"rule_files": ["rules.yaml"], "evaluation_interval": "1h", "tests": tests}
    _write(tmp_path / "question.yaml", question)

    answered = _ran(promtool, "test", "rules", tmp_path / "question.yaml")

    assert answered.returncode == 1
    failed = _FAILED.findall(answered.stdout + answered.stderr)
    assert sorted(failed) == sorted(one.alert for one in asked)


@pytest.mark.parametrize("file", QUESTIONS, ids=lambda path: path.stem)
def test_what_an_alert_says_can_be_read(asked: Asked, file: Path) -> None:
    """Its texts are templates: promtool shows them filled in when it is asked for no alert where there is one."""
    fires = [one for one in questions() if one.file == file and one.fires]
    said = asked(file)

    answers = _ANSWER.findall(said)
    assert sorted({name for name, _ in answers}) == sorted({one.alert for one in fires}), said
    for name, answer in answers:
        text = answer.partition("got:")[2]
        assert "Annotations:" in text, answer
        assert "error expanding" not in text, answer
        assert "<no value>" not in text, answer
        assert "%!" not in text, answer
        description = text.partition('description="')[2].partition('", runbook_url=')[0]
        assert re.search(r"\d", description), f"{name} names no figure: {description}"


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_how_bad_it_is_where_it_belongs_and_what_to_do(name: str) -> None:
    alert = alerts()[name]

    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert re.fullmatch(r"[a-z]+", alert["labels"]["area"])
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{name}.md")
    assert len(alert["annotations"]["summary"]) < 120
    assert "$value" in alert["annotations"]["description"] or "absent" in alert["expr"]


def test_the_runbooks_are_those_of_the_repository_that_the_images_come_from() -> None:
    from provisioning.cluster.loading import load

    registry = load().registry
    at = f"https://github.com/{registry.owner}/{registry.repository}/blob/main/docs/runbooks/"
    assert {alert["annotations"]["runbook_url"].rpartition("/")[0] + "/" for alert in alerts().values()} == {at}


def test_a_ratio_of_requests_has_a_floor() -> None:
    """One failed request at night is 100 % of them and wakes nobody: each alert on a share asks for a number too."""
    shares = [
        name
        for name, alert in alerts().items()
        if re.search(r"(ratio_rate|rate\(eco2_.*_(total|count)\{.*\n?.*/)", alert["expr"])
    ]

    assert len(shares) > 8
    without = [name for name in shares if not re.search(r">= \d+|> 0\.1\b|:rate5m > ", alerts()[name]["expr"])]
    assert without == []


def test_nothing_is_recorded_that_has_the_name_of_a_metric() -> None:
    recorded = [rule["record"] for _, rule in rules() if "record" in rule]

    assert len(recorded) == len(set(recorded))
    assert [name for name in recorded if ":" not in name] == []


def test_the_eighteen_alerts_that_operators_know_kept_their_names() -> None:
    known = {
        *("HighAPILatency", "HighAPIErrorRate", "APIPodDown", "HighAPICPUUsage", "HighAPIMemoryUsage"),
        *("HighWorkerTaskFailureRate", "WorkerQueueSizeHigh", "WorkerPodDown", "HighWorkerTaskDuration"),
        *("RabbitMQDown", "PostgreSQLDown", "RedisDown", "HighPostgreSQLConnectionPoolUsage", "HighRedisMemoryUsage"),
        *("HighNodeCPUUsage", "HighNodeMemoryUsage", "HighNodeDiskUsage", "NodeDown"),
    }

    assert len(known) == 18
    assert known <= set(alerts())


def _hurried(test: dict[str, Any]) -> dict[str, Any]:
    """The same question at the first moment: a constant needs no series and no time."""
    (asked,) = test["promql_expr_test"]
    return {"interval": "1h", "input_series": [], "promql_expr_test": [{**asked, "eval_time": "0m"}]}


def _told(question: Question) -> dict[str, Any]:
    (asked,) = question.test["promql_expr_test"]
    shown = {"eval_time": asked["eval_time"], "alertname": question.alert, "exp_alerts": []}
    return {**question.test, "alert_rule_test": [shown]}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
