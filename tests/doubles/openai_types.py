"""Checks request bodies against the types that the `openai` package publishes, with nothing extra allowed."""

import json
from functools import cache
from typing import Any

import pydantic
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic_core import ErrorDetails, SchemaValidator

from .openai_errors import ApiError, missing, unknown_parameter

PUBLISHED: dict[tuple[str, bool], Any] = {
    ("responses", False): ResponseCreateParamsNonStreaming,
    ("responses", True): ResponseCreateParamsStreaming,
    ("chat", False): CompletionCreateParamsNonStreaming,
    ("chat", True): CompletionCreateParamsStreaming,
}

# The service says these in its own words.
_JSON_TYPES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", int: "an integer"}
_WRONG_KIND = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
}


def check_types(endpoint: str, body: bytes) -> dict[str, Any]:
    """The parsed body of a request to `endpoint` ("responses" or "chat"). Raises ApiError as the service would."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ApiError("We could not parse the JSON body of your request. The API expects a JSON object.")
    for required in ("model", {"responses": "input", "chat": "messages"}[endpoint]):
        if parsed.get(required) is None:
            raise missing(required)
    try:
        # Not validate_json: it would copy an image's megabyte for each branch of each union.
        _validator(endpoint, parsed.get("stream") is True).validate_python(parsed, strict=True, extra="forbid")
    except pydantic.ValidationError as invalid:
        raise _first_error(invalid.errors(include_url=False), parsed) from None
    return parsed


@cache
def _validator(endpoint: str, stream: bool) -> SchemaValidator:
    schema = pydantic.TypeAdapter(PUBLISHED[endpoint, stream]).core_schema
    return SchemaValidator(_eager(schema))


def _eager(schema: Any) -> Any:
    """The same schema with lists for the types' Iterables, which pydantic would only check when they are read."""
    if isinstance(schema, dict):
        if schema.get("type") == "generator":
            schema = {**schema, "type": "list"}
        return {key: _eager(value) for key, value in schema.items()}
    if isinstance(schema, list | tuple):
        return type(schema)(_eager(value) for value in schema)
    return schema


def _first_error(errors: list[ErrorDetails], body: Any) -> ApiError:
    """Of all the branches of all the unions that did not fit, tell the error of the one that was meant."""
    found = _meant(errors, 0, body)
    param = _param(found["loc"], body)
    if found["type"] == "extra_forbidden":
        return unknown_parameter(param)
    if found["type"] == "missing":
        return missing(param)
    value = found["input"]
    if found["type"] in _WRONG_KIND:
        kind = _JSON_TYPES.get(type(value), "null" if value is None else "a decimal")
        message = f"Invalid type for '{param}': expected {_WRONG_KIND[found['type']]}, but got {kind} instead."
        return ApiError(message, param, "invalid_type")
    if found["type"] == "literal_error":
        same = [e for e in errors if e["type"] == "literal_error" and _param(e["loc"], body) == param]
        supported = " or ".join(dict.fromkeys(str(e["ctx"]["expected"]) for e in same))
        return ApiError(f"Invalid value: {value!r}. Supported values are: {supported}.", param, "invalid_value")
    return ApiError(f"Invalid value for '{param}': {found['msg']}.", param, "invalid_value")


def _is_key(part: int | str, error: ErrorDetails, depth: int, data: Any) -> bool:
    """Whether this part of an error's path leads into the data; if not, it names a branch of a union."""
    if isinstance(part, int):
        return isinstance(data, list)
    last = depth == len(error["loc"]) - 1
    return isinstance(data, dict) and (part in data or (last and error["type"] == "missing"))


def _at(data: Any, part: int | str) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError):
        return None


def _meant(errors: list[ErrorDetails], depth: int, data: Any) -> ErrorDetails:
    ends = [error for error in errors if len(error["loc"]) == depth]
    if ends:
        return ends[0]
    branches: dict[int | str, list[ErrorDetails]] = {}
    for error in errors:
        branches.setdefault(error["loc"][depth], []).append(error)
    part, chosen = next(iter(branches.items()))
    if _is_key(part, chosen[0], depth, data):
        return _meant(chosen, depth + 1, _at(data, part))
    return _meant(min(branches.values(), key=lambda branch: _distance(branch, depth + 1)), depth + 1, data)


def _distance(branch: list[ErrorDetails], depth: int) -> tuple[int, int]:
    """How far a union's branch is from what was sent: another kind of thing, other fields, or mistakes further in."""
    strange = 0
    for error in branch:
        rest = error["loc"][depth:]
        if not rest or (rest[0] in ("type", "role") and error["type"] in ("literal_error", "missing")):
            strange += 10
        elif len(rest) == 1 and error["type"] in ("missing", "extra_forbidden"):
            strange += 1
    return strange, len(branch)


def _param(loc: tuple[int | str, ...], body: Any) -> str:
    """An error's path in the service's notation, without the names of union branches."""
    path, data = "", body
    for depth, part in enumerate(loc):
        last = depth == len(loc) - 1
        if isinstance(part, int) and isinstance(data, list) and part < len(data):
            path, data = f"{path}[{part}]", data[part]
        elif isinstance(part, str) and isinstance(data, dict) and (part in data or last):
            path, data = f"{path}.{part}" if path else part, data.get(part)
    return path
