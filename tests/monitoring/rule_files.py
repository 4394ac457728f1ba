"""The rules of charts/monitoring, and the questions about them in rules/*.yaml, which are promtool's own.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "charts" / "monitoring" / "files" / "rules").glob("*.yaml"))
QUESTIONS = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks"

_ASKED = re.compile(r'^count by \(.+\) \(ALERTS\{alertname="(\w+)", alertstate="firing"\}\)$')


@dataclass(frozen=True)
class Question:
    """What is asked of one alert at one moment: whether, and for what, it fires."""

    alert: str
    fires: bool
    file: Path
    test: dict[str, Any]


def loaded(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


@cache
def rules() -> list[tuple[Path, dict[str, Any]]]:
    """Every rule with its file."""
    return [(path, rule) for path in RULES for group in loaded(path)["groups"] for rule in group["rules"]]


@cache
def alerts() -> dict[str, dict[str, Any]]:
    found = [rule for _, rule in rules() if "alert" in rule]
    assert len({rule["alert"] for rule in found}) == len(found), "two alerts have the same name"
    return {rule["alert"]: rule for rule in found}


@cache
def questions() -> list[Question]:
    return list(_questions())


def _questions() -> Iterator[Question]:
    for path in QUESTIONS:
        for test in loaded(path)["tests"]:
            (asked,) = test["promql_expr_test"]
            named = _ASKED.match(asked["expr"])
            assert named, f"{path.name}: {asked['expr']} does not ask whether one alert fires"
            yield Question(named[1], bool(asked["exp_samples"]), path, test)
