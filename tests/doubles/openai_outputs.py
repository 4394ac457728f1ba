"""Model outputs for a JSON schema: a valid one, the check of one, and ones that are wrong on purpose."""

import json
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.strategies import from_regex

from .openai_errors import ScriptError

_DEEP = 6
_FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "time": "03:04:05Z",
    "date": "2026-01-02",
    "duration": "P1D",
    "email": "someone@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def faults_in(output: str, schema: dict[str, Any]) -> str | None:
    """What makes `output` no JSON instance of the schema, or None when it is one."""
    try:
        instance = json.loads(output)
    except ValueError as not_json:
        return f"not JSON: {not_json}"
    error = jsonschema.exceptions.best_match(_validator(json.dumps(schema)).iter_errors(instance))
    return f"{error.json_path}: {error.message}" if error else None


@lru_cache(maxsize=32)
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(json.loads(schema), format_checker=checker)


def example(schema: dict[str, Any]) -> str:
    """A valid instance as JSON text: the same one for the same schema."""
    return _example(json.dumps(schema))


@lru_cache(maxsize=32)
def _example(text: str) -> str:
    schema = json.loads(text)
    output = json.dumps(_instance(schema, schema, 0), ensure_ascii=False)
    if fault := faults_in(output, schema):
        raise ScriptError(f"no example found for this schema, program a reply: {fault}")
    return output


def _resolve(part: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        found: Any = root
        for name in part["$ref"][2:].split("/") if part["$ref"] != "#" else ():
            found = found[name]
        part = found
    return part


def _instance(part: dict[str, Any], root: dict[str, Any], depth: int) -> Any:
    part = _resolve(part, root)
    if "const" in part:
        return part["const"]
    if "enum" in part:
        return part["enum"][0]
    if "anyOf" in part:
        branches = part["anyOf"]
        # Deep in a recursive schema the way out is the branch without objects.
        flat = [branch for branch in branches if "$ref" not in branch and branch.get("type") not in ("object", "array")]
        return _instance((flat or branches)[0] if depth >= _DEEP else branches[0], root, depth + 1)
    types = [part["type"]] if isinstance(part["type"], str) else part["type"]
    kind = "null" if depth >= _DEEP and "null" in types else types[0]
    if kind == "object":
        return {name: _instance(inner, root, depth + 1) for name, inner in part.get("properties", {}).items()}
    if kind == "array":
        length = part.get("minItems", 0 if depth >= _DEEP or part.get("maxItems") == 0 else 1)
        return [_instance(part["items"], root, depth + 1) for _ in range(length)]
    if kind == "string":
        return _string(part)
    if kind in ("number", "integer"):
        return _number(part, whole=kind == "integer")
    return {"boolean": True, "null": None}[kind]


def _string(part: dict[str, Any]) -> str:
    if "format" in part:
        return _FORMATS[part["format"]]
    if "pattern" in part:
        calm = settings(
            database=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
        )
        return str(find(from_regex(part["pattern"]), lambda text: text.isprintable(), settings=calm))
    return "text"


def _number(part: dict[str, Any], whole: bool) -> float:
    step = part.get("multipleOf", 1 if whole else None)
    low = part.get("minimum", part.get("exclusiveMinimum"))
    high = part.get("maximum", part.get("exclusiveMaximum"))
    candidates = [1, 0.5, low, high]
    if low is not None and high is not None:
        candidates.insert(0, (low + high) / 2)
    if step:
        candidates = [step * near(c / step) for c in candidates if c is not None for near in (math.floor, math.ceil)]
        candidates += [candidate + shift * step for candidate in candidates[-4:] for shift in (1, -1)]
    else:
        candidates += [low + 1 if low is not None else None, high - 1 if high is not None else None]
    valid = _validator(json.dumps(part))
    return next((c for c in candidates if c is not None and valid.is_valid(c)), 0)


def wrong_types(output: str, schema: dict[str, Any]) -> str:
    """The output with each value on its first level replaced by one of another type."""
    instance = json.loads(output)
    spoilt = {name: [value] if not isinstance(value, list) else "text" for name, value in instance.items()}
    return _spoilt(json.dumps(spoilt, ensure_ascii=False), schema, "a value of a wrong type")


def unknown_enum(output: str, schema: dict[str, Any]) -> str:
    """The output with a value that its enum does not list."""
    instance = json.loads(output)
    place = next(_enums(instance, schema, schema), None)
    if place is None:
        raise ScriptError("the schema has no enum whose value could be unknown")
    holder, key = place
    holder[key] = "a value that no enum lists"
    return _spoilt(json.dumps(instance, ensure_ascii=False), schema, "an unknown enum value")


def _spoilt(output: str, schema: dict[str, Any], what: str) -> str:
    if faults_in(output, schema) is None:
        raise ScriptError(f"the schema takes {what}")
    return output


def _enums(instance: Any, part: dict[str, Any], root: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Where in the instance enums stand: each as (the object or array that holds it, its key)."""
    part = _resolve(part, root)
    if "anyOf" in part:
        for branch in part["anyOf"]:
            yield from _enums(instance, branch, root)
        return
    places: list[tuple[Any, dict[str, Any]]] = []
    if isinstance(instance, dict):
        places = [(name, inner) for name, inner in part.get("properties", {}).items() if name in instance]
    elif isinstance(instance, list):
        places = [(index, part.get("items", {})) for index in range(len(instance))]
    for key, inner in places:
        inner = _resolve(inner, root)
        listed = "enum" in inner or any("enum" in _resolve(branch, root) for branch in inner.get("anyOf", ()))
        if listed:
            yield instance, key
        else:
            yield from _enums(instance[key], inner, root)
