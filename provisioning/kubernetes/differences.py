"""What an upgrade would change in a release's objects, as a text; the content of Secrets is never in it."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

Object = dict[str, Any]
Key = tuple[str, str, str]


def difference(before: Sequence[Object], after: Sequence[Object]) -> str:
    """A unified diff over all objects, ordered by kind, namespace and name; empty when nothing would change."""
    old, new = _by_key(before), _by_key(after)
    parts: list[str] = []
    for key in sorted({*old, *new}):
        was, becomes = _hidden(old.get(key), new.get(key))
        if was != becomes:
            name = "/".join(filter(None, key))
            parts += difflib.unified_diff(_lines(was), _lines(becomes), f"{name} (now)", f"{name} (then)", lineterm="")
    return "\n".join(parts)


def _by_key(objects: Sequence[Object]) -> dict[Key, Object]:
    return {
        (str(each["kind"]), str(each["metadata"].get("namespace", "")), str(each["metadata"]["name"])): each
        for each in objects
        if each
    }


def _lines(thing: Object | None) -> list[str]:
    return yaml.safe_dump(thing, sort_keys=True).splitlines() if thing else []


def _hidden(was: Object | None, becomes: Object | None) -> tuple[Object | None, Object | None]:
    """Both without what is secret; a value that changes still shows that it does."""
    if "Secret" not in ((was or {}).get("kind"), (becomes or {}).get("kind")):
        return was, becomes
    was, becomes = copy.deepcopy(was), copy.deepcopy(becomes)
    for part in ("data", "stringData"):
        old = (was or {}).get(part) or {}
        new = (becomes or {}).get(part) or {}
        masked_old = {key: _mask(key, new, value, "now") for key, value in old.items()}
        masked_new = {key: _mask(key, old, value, "then") for key, value in new.items()}
        if was and old:
            was[part] = masked_old
        if becomes and new:
            becomes[part] = masked_new
    return was, becomes


def _mask(key: str, other: Mapping[str, str], value: str, when: str) -> str:
    return "[hidden]" if other.get(key) == value else f"[hidden, {when}]"
