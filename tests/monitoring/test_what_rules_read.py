"""The fear: a rule that waits for a metric or a label that no process has, beside a test that makes it up."""

import re
from collections.abc import Iterator

import pytest

from tests.monitoring.dashboards.declared import TARGET_LABELS, declared
from tests.monitoring.rule_files import questions, rules

_SERIES = re.compile(r"\b(eco2_\w+)\b(?!:)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")


def _read() -> Iterator[tuple[str, str, str]]:
    """(the rule, the series, its matchers) of every series of ours that an expression names."""
    for _, rule in rules():
        without_records = re.sub(r"\b(?:domain:)?eco2_\w+:\w+", "", rule["expr"])
        for name, matchers in _SERIES.findall(without_records):
            yield rule.get("alert", rule.get("record")), name, matchers


def _labels_of(name: str) -> set[str]:
    return {*declared()[name].labels, *TARGET_LABELS, *(["le"] if name.endswith("_bucket") else [])}


def test_every_metric_of_ours_that_a_rule_reads_is_exported() -> None:
    read = {(rule, name) for rule, name, _ in _read()}

    assert len(read) > 50
    assert {(rule, name) for rule, name in read if name not in declared()} == set()


def test_every_label_that_a_rule_asks_for_is_one_of_the_metric_or_its_target() -> None:
    wrong = [
        (rule, name, label)
        for rule, name, matchers in _read()
        for label in _MATCHER.findall(matchers)
        if name in declared() and label not in _labels_of(name)
    ]

    assert wrong == []


@pytest.mark.parametrize("file", sorted({one.file.stem for one in questions()}))
def test_the_series_that_promtool_is_given_are_such_as_processes_have(file: str) -> None:
    for question in questions():
        if question.file.stem == file:
            for given in question.test["input_series"]:
                name, _, matchers = given["series"].partition("{")
                if name.startswith("eco2_"):
                    assert name in declared(), f"{question.test['name']}: {name}"
                    unknown = set(_MATCHER.findall(matchers)) - _labels_of(name)
                    assert unknown == set(), f"{question.test['name']}: {name} has no {unknown}"
