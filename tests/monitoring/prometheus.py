"""What a running Prometheus says, by its HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

import re
from collections.abc import Iterator
from typing import Any

import httpx

# What follows a metric's family name, by its type.
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count"), "counter": ("", "_total")}

# Passed over: strings, ranges, lists of labels, offsets, words, numbers, functions (before "(" or "by").
_SELECTOR = re.compile(
    r"""
    "(?:[^"\\]|\\.)*"
    | \[[^\]]*\]
    | \b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)
    | \boffset\s+-?\w+
    | \b(?:and|or|unless|bool|inf|nan)\b
    | \b\d[\w.]*
    | [A-Za-z_]\w*\s*\(
    | [A-Za-z_]\w*\s+(?=(?:by|without)\b)
    | (?P<selector>[A-Za-z_:][\w:]*(?:\s*\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\})?)
    """,
    re.VERBOSE,
)


def selectors(expression: str) -> Iterator[str]:
    """The series that an expression reads, each as it is written: name and braces."""
    for found in _SELECTOR.finditer(expression):
        if found["selector"]:
            yield found["selector"]


def name_of(selector: str) -> str:
    return selector.partition("{")[0].strip()


class Prometheus:
    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, timeout=30)

    def data(self, path: str, **parameters: str) -> Any:
        answer = self.client.get(path, params=parameters)
        assert answer.is_success, (parameters, answer.text)
        return answer.json()["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query, or the one value of a scalar. Fails when Prometheus does not take it."""
        # By POST: an expression may be longer than an address.
        answer = self.client.post("/api/v1/query", data={"query": expression})
        assert answer.is_success, (expression, answer.text)
        data = answer.json()["data"]
        return [{"value": data["result"]}] if data["resultType"] == "scalar" else list(data["result"])

    def value(self, expression: str) -> float:
        """Of the one series that the expression has; 0 without any."""
        found = self.query(expression)
        assert len(found) <= 1, (expression, found)
        return float(found[0]["value"][1]) if found else 0.0

    def exposed(self) -> set[str]:
        """Names of all series, and of those that a target declares and has none of yet."""
        declared = {
            one["metric"] + suffix
            for one in self.data("/api/v1/targets/metadata")
            for suffix in _SUFFIXES.get(one["type"], ("",))
        }
        return declared | set(self.data("/api/v1/label/__name__/values"))

    def targets(self) -> list[dict[str, Any]]:
        return list(self.data("/api/v1/targets", state="active")["activeTargets"])

    def alerts(self, *states: str) -> dict[str, list[dict[str, str]]]:
        """Alert -> the labels of each of its instances in one of these states."""
        found: dict[str, list[dict[str, str]]] = {}
        for alert in self.data("/api/v1/alerts")["alerts"]:
            if alert["state"] in states:
                found.setdefault(alert["labels"]["alertname"], []).append(alert["labels"])
        return found
