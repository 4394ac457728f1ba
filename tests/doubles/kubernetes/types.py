"""The types of Kubernetes' objects: fields, which are required, and by which key lists are merged.

``types.json`` holds what the OpenAPI document of Kubernetes 1.34 says of the kinds that are served, in short: ``!``
after a field is "required", ``[T]`` a list, ``{T}`` a map, ``@a,b`` the keys of a list for server-side apply (none: a
set), ``~a`` the key for a strategic merge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_LIST = re.compile(r"\[(?P<item>.*)\](?P<keys>@[\w,]*)?(?P<merge>~\w*)?")
_SCALARS = ("string", "integer", "number", "boolean", "quantity", "intstr", "time", "bytes")


@dataclass(frozen=True, eq=False)
class Type:
    """One type. ``form``: a scalar's name, or any, struct, list, map."""

    form: str
    name: str = ""
    item: Type | None = None
    keys: tuple[str, ...] | None = None  # of a list: None is atomic, () a set
    merge_key: str | None = None  # of a list: None is replaced as a whole, "" a set
    struct: Mapping[str, Type] | None = None
    needed: tuple[str, ...] = ()

    @property
    def fields(self) -> Mapping[str, Type]:
        return self.struct if self.struct is not None else _definition(self.name)[0]

    @property
    def required(self) -> tuple[str, ...]:
        return self.needed if self.struct is not None else _definition(self.name)[1]

    def of(self, field: str) -> Type:
        """The type of one field of a struct or one value of a map; anything goes where nothing is known."""
        if self.form == "struct":
            return self.fields.get(field, ANY)
        return self.item or ANY if self.form == "map" else ANY


ANY = Type("any")


@cache
def _table() -> dict[str, dict[str, str]]:
    read: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("types.json").read_text())
    return read


@cache
def _definition(name: str) -> tuple[Mapping[str, Type], tuple[str, ...]]:
    fields = _table()[name]
    return (
        {field.rstrip("!"): parsed(text) for field, text in fields.items()},
        tuple(field[:-1] for field in fields if field.endswith("!")),
    )


@cache
def parsed(text: str) -> Type:
    """A type as ``types.json`` writes it."""
    if text in _SCALARS:
        return Type(text)
    if text in ("any", "object"):
        return ANY
    if text.startswith("{"):
        return Type("map", item=parsed(text[1:-1]))
    if text.startswith("["):
        found = _LIST.fullmatch(text)
        assert found, text
        keys = found["keys"]
        return Type(
            "list",
            item=parsed(found["item"]),
            keys=None if keys is None else tuple(key for key in keys[1:].split(",") if key),
            merge_key=None if found["merge"] is None else found["merge"][1:],
        )
    return Type("struct", name=text)


def builtin(group: str, version: str, kind: str) -> Type:
    """The type of a kind that Kubernetes brings. Raises KeyError."""
    name = f"{(group or 'core').partition('.')[0]}.{version}.{kind}"
    if name not in _table():
        raise KeyError(name)
    return parsed(name)


def of_schema(schema: Mapping[str, Any]) -> Type:
    """A type from the ``openAPIV3Schema`` of a CustomResourceDefinition."""
    if schema.get("x-kubernetes-int-or-string"):
        return Type("intstr")
    kind = schema.get("type")
    if kind == "array":
        layout = schema.get("x-kubernetes-list-type")
        keys = {"map": tuple(schema.get("x-kubernetes-list-map-keys", ())), "set": ()}.get(str(layout))
        return Type("list", item=of_schema(schema.get("items", {})), keys=keys)
    if kind == "object":
        if isinstance(extra := schema.get("additionalProperties"), Mapping):
            return Type("map", item=of_schema(extra))
        if "properties" not in schema or schema.get("x-kubernetes-preserve-unknown-fields"):
            return ANY
        fields = {name: of_schema(part) for name, part in schema["properties"].items()}
        return Type("struct", struct=fields, needed=tuple(schema.get("required", ())))
    return Type(kind) if kind in _SCALARS else ANY


def custom(schema: Mapping[str, Any] | None) -> Type:
    """The whole object of a custom kind, whose metadata are those of every object."""
    if not schema or schema.get("x-kubernetes-preserve-unknown-fields") or "properties" not in schema:
        return Type("struct", struct=_Open({"metadata": parsed("meta.ObjectMeta"), **_HEAD}))
    fields = dict(of_schema({**schema, "type": "object"}).fields)
    return Type("struct", struct={**fields, **_HEAD, "metadata": parsed("meta.ObjectMeta")}, needed=_needed(schema))


_HEAD = {"apiVersion": Type("string"), "kind": Type("string")}


class _Open(dict[str, Type]):
    """Fields of a kind that says nothing of itself: every name is one."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Type:
        return ANY


def _needed(schema: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(field for field in schema.get("required", ()) if field not in ("metadata", "apiVersion", "kind"))
