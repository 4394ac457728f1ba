"""What a dashboard asks Prometheus, as Prometheus can answer it: Grafana's own variables replaced."""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.monitoring.prometheus import name_of, selectors

# What Grafana puts in: a window of several scrapes, the time shown, and all values of a variable.
_OF_GRAFANA = {"__rate_interval": "5m", "__range": "1h", "__interval": "1m"}
_ANY = ".+"
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_LABEL_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


@dataclass(frozen=True)
class Asked:
    """One query of a panel."""

    panel: str
    expression: str
    legend: str


def expressions(dashboard_json: str) -> list[str]:
    """All of a dashboard's expressions, ready for Prometheus: rates over 5 minutes, every value of the variables."""
    return [asked.expression for asked in questions(dashboard_json)]


def questions(dashboard_json: str) -> list[Asked]:
    """The same with the panels' titles and what the series are called."""
    return [
        Asked(panel["title"], _filled(target["expr"]), target.get("legendFormat", ""))
        for panel in panels(dashboard_json)
        for target in panel["targets"]
    ]


def panels(dashboard_json: str) -> list[dict[str, Any]]:
    """Without the headings of sections."""
    return [panel for panel in json.loads(dashboard_json)["panels"] if panel["type"] != "row"]


def metrics(expression: str) -> set[str]:
    """The names of the series that an expression reads."""
    return {name_of(selector) for selector in selectors(expression)}


def matched_labels(expression: str) -> set[tuple[str, str]]:
    """(metric, label) for each label that a selector asks for."""
    return {
        (name_of(selector), label)
        for selector in selectors(expression)
        for label in _MATCHER.findall(_STRING.sub('""', selector.partition("{")[2]))
    }


def grouping_labels(expression: str) -> set[str]:
    """All labels in ``by (…)``, ``on (…)`` and their like."""
    lists = _LABEL_LIST.findall(_STRING.sub('""', expression))
    return {label.strip() for each in lists for label in each.split(",") if label.strip()}


def _filled(expression: str) -> str:
    return _VARIABLE.sub(lambda found: _OF_GRAFANA.get(found[1] or found[2], _ANY), expression)
