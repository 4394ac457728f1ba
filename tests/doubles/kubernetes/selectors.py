"""Label selectors, as texts and as objects, and field selectors."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.doubles.kubernetes.errors import bad_request

Labels = Mapping[str, str]
_SET = re.compile(r"(?P<key>[^\s!=]+)\s+(?P<how>in|notin)\s+\((?P<values>[^)]*)\)")
_EQUAL = re.compile(r"(?P<key>[^\s!=]+)\s*(?P<how>==|=|!=)\s*(?P<value>[^\s]*)")
_OUTSIDE = re.compile(r",(?![^(]*\))")


def labels_match(text: str) -> Callable[[Labels], bool]:
    """``a=b,c in (d,e),!f`` as a question to labels. Raises `Refusal` for what is no selector."""
    tests = [_one(part.strip()) for part in _OUTSIDE.split(text) if part.strip()]
    return lambda labels: all(test(labels) for test in tests)


def _one(part: str) -> Callable[[Labels], bool]:
    if found := _SET.fullmatch(part):
        key, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["how"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUAL.fullmatch(part):
        key, value = found["key"], found["value"]
        if found["how"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if re.fullmatch(r"!\s*[^\s=()]+", part):
        absent = part[1:].strip()
        return lambda labels: absent not in labels
    if re.fullmatch(r"[^\s=()!]+", part):
        return lambda labels: part in labels
    raise bad_request(f"unable to parse requirement: {part!r}")


def selector_matches(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """A LabelSelector object; None selects nothing, an empty one everything."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(expression_matches(each, labels) for each in selector.get("matchExpressions") or ())


def expression_matches(expression: Mapping[str, Any], labels: Labels) -> bool:
    """One requirement of a label selector or a node selector."""
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "Gt":
            return key in labels and int(labels[key]) > int(values[0])
        case "Lt":
            return key in labels and int(labels[key]) < int(values[0])
    raise bad_request(f"{expression['operator']!r} is not a valid label selector operator")


def fields_match(text: str) -> Callable[[Mapping[str, Any]], bool]:
    """``metadata.name=x,status.phase!=Running`` as a question to an object."""
    tests: list[tuple[list[str], bool, str]] = []
    for part in filter(None, text.split(",")):
        found = _EQUAL.fullmatch(part.strip())
        if not found:
            raise bad_request(f"invalid field selector: {part!r}")
        tests.append((found["key"].split("."), found["how"] != "!=", found["value"]))
    return lambda item: all((_at(item, path) == value) is equal for path, equal, value in tests)


def _at(item: Any, path: list[str]) -> str:
    for part in path:
        item = item.get(part) if isinstance(item, Mapping) else None
    if isinstance(item, bool):
        return str(item).lower()
    return "" if item is None else str(item)
