"""The strict subset of JSON Schema, as OpenAI's guide to structured outputs describes it ("Supported schemas")."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema

from .openai_errors import ApiError

MAX_PROPERTIES = 5_000
MAX_NESTING = 10
MAX_ENUM_VALUES = 1_000
MAX_NAME_CHARACTERS = 120_000
LARGE_ENUM_VALUES, LARGE_ENUM_CHARACTERS = 250, 15_000

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TYPES = frozenset({"string", "number", "boolean", "integer", "object", "array", "null"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_ANYWHERE = frozenset({"type", "enum", "const", "anyOf", "$ref", "$defs", "definitions", "description", "title"})
_BY_TYPE = {
    "string": frozenset({"pattern", "format"}),
    "number": frozenset({"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"}),
    "integer": frozenset({"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}
_KEYWORDS = _ANYWHERE.union(*_BY_TYPE.values(), {"$schema"})


def check_format_name(name: str, param: str) -> None:
    if not _NAME.fullmatch(name):
        message = f"Invalid '{param}': expected up to 64 of a-z, A-Z, 0-9, underscores and dashes."
        raise ApiError(message, param, "invalid_value")


def check_strict_schema(schema: dict[str, Any], name: str, param: str, code: str | None) -> None:
    """Raise ApiError for a schema that the service would not take with ``strict: true``."""

    def refuse(context: tuple[str, ...], message: str) -> ApiError:
        shown = ", ".join(repr(part) for part in context)
        return ApiError(f"Invalid schema for response_format '{name}': In context=({shown}), {message}.", param, code)

    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise refuse(tuple(str(part) for part in error.absolute_path), error.message) from None
    if schema.get("type") != "object":
        raise refuse((), f"schema must be a JSON Schema of 'type: \"object\"', got 'type: {schema.get('type')!r}'")
    if "anyOf" in schema:
        raise refuse((), "'anyOf' is not permitted at the root")
    for context, part in _subschemas(schema):
        for problem in _problems(part, schema):
            raise refuse(context, problem)
    for problem in _limits(schema):
        raise refuse((), problem)


def _subschemas(schema: Any, context: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The schema and all schemas in it, with their paths."""
    if not isinstance(schema, dict):
        return
    yield context, schema
    for keyword in ("properties", "$defs", "definitions"):
        for name, part in schema.get(keyword, {}).items():
            yield from _subschemas(part, (*context, keyword, name))
    for number, part in enumerate(schema.get("anyOf", ())):
        yield from _subschemas(part, (*context, "anyOf", str(number)))
    yield from _subschemas(schema.get("items"), (*context, "items"))


def _problems(part: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    for keyword in part.keys() - _KEYWORDS:
        yield f"'{keyword}' is not permitted"
    types = part.get("type", ())
    types = [types] if isinstance(types, str) else list(types)
    if not types and not part.keys() & {"anyOf", "$ref", "enum", "const"}:
        yield "schema must have a 'type' key"
    for keyword in part.keys() - _ANYWHERE - {"$schema"}:
        if types and not any(keyword in _BY_TYPE.get(kind, ()) for kind in types):
            yield f"'{keyword}' is not permitted for type {types}"
    if beside := part.keys() - {"$ref", "$defs", "definitions"} if "$ref" in part else None:
        yield f"$ref cannot have keywords {sorted(beside)}"
    if "$ref" in part and not _resolves(part["$ref"], root):
        yield f"reference {part['$ref']!r} cannot be resolved"
    if part.get("format") not in (None, *_FORMATS):
        yield f"'{part['format']}' is not a valid format"
    if "array" in types and not isinstance(part.get("items"), dict):
        yield "array schema missing items"
    if "object" in types or "properties" in part:
        if part.get("additionalProperties") is not False:
            yield "'additionalProperties' is required to be supplied and to be false"
        names = list(part.get("properties", {}))
        left_out = [name for name in names if name not in part.get("required", ())]
        if left_out:
            yield f"'required' must include every key in properties. Missing {left_out[0]!r}"
        if extra := [name for name in part.get("required", ()) if name not in names]:
            yield f"'required' names {extra[0]!r}, which is not in properties"


def _resolves(reference: str, root: Any) -> bool:
    if reference != "#" and not reference.startswith("#/"):
        return False
    for name in reference[2:].split("/") if len(reference) > 1 else ():
        root = root.get(name) if isinstance(root, dict) else None
    return isinstance(root, dict)


def _limits(schema: dict[str, Any]) -> Iterator[str]:
    properties = values = characters = 0
    for _context, part in _subschemas(schema):
        names = [*part.get("properties", ()), *part.get("$defs", ()), *part.get("definitions", ())]
        enum = part.get("enum", [])
        properties += len(part.get("properties", ()))
        values += len(enum)
        in_enum = sum(len(str(value)) for value in enum)
        characters += sum(map(len, names)) + in_enum + len(str(part.get("const", "")))
        strings = [value for value in enum if isinstance(value, str)]
        if len(strings) > LARGE_ENUM_VALUES and sum(map(len, strings)) > LARGE_ENUM_CHARACTERS:
            yield (
                f"an enum of more than {LARGE_ENUM_VALUES} values may have {LARGE_ENUM_CHARACTERS} characters in all, "
                f"but has {sum(map(len, strings))}"
            )
    if properties > MAX_PROPERTIES:
        yield f"expected at most {MAX_PROPERTIES} object properties, but received {properties}"
    if values > MAX_ENUM_VALUES:
        yield f"expected at most {MAX_ENUM_VALUES} enum values in total, but received {values}"
    if characters > MAX_NAME_CHARACTERS:
        yield f"expected at most {MAX_NAME_CHARACTERS} characters of names and values, but received {characters}"
    if (depth := _nesting(schema)) > MAX_NESTING:
        yield f"expected at most {MAX_NESTING} levels of nesting, but received {depth}"


def _nesting(schema: Any) -> int:
    """Levels of objects and arrays, as written: references do not count."""
    if not isinstance(schema, dict):
        return 0
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), schema.get("items")]
    own = 1 if "properties" in schema or "items" in schema else 0
    defined = [*schema.get("$defs", {}).values(), *schema.get("definitions", {}).values()]
    return max([own + max(map(_nesting, inner), default=0), *map(_nesting, defined)])
