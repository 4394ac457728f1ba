"""From a chart's ``keys.yaml`` to a ``values.schema.json`` that refuses what it does not name."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
_TYPES = ("string", "integer", "number", "boolean", "object", "array")
_QUANTITIES: Schema = {"type": "object", "additionalProperties": {"type": ["string", "integer", "number"]}}
_RESOURCES: Schema = {
    "type": "object",
    "properties": {"requests": _QUANTITIES, "limits": _QUANTITIES, "claims": {"type": "array"}},
    "additionalProperties": False,
}


def schema(keys: Any) -> Schema:
    """``any``, a type's name or ``resources``; a mapping names all keys there are (``*``: any key), a list its items.

    As in Helm, a null stands for "not given" everywhere. Raises ValueError for a word that is no type.
    """
    if isinstance(keys, dict):
        if set(keys) == {"*"}:
            return {"type": ["object", "null"], "additionalProperties": schema(keys["*"])}
        properties = {name: schema(below) for name, below in keys.items()}
        return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
    if isinstance(keys, list):
        return {"type": ["array", "null"], "items": schema(keys[0])}
    if keys == "any":
        return {}
    if keys == "resources":
        return {**_RESOURCES, "type": ["object", "null"]}
    if keys not in _TYPES:
        raise ValueError(f"{keys!r} is no type")
    return {"type": [keys, "null"]}


def values_schema(keys: dict[str, Any]) -> Schema:
    """The whole schema. Helm puts ``global`` into the values by itself."""
    whole = schema({"global": "object", **keys})
    return {"$schema": "http://json-schema.org/draft-07/schema#", **whole, "type": "object"}
