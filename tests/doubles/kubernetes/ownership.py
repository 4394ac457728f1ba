"""Server-side apply: who owns which field of an object, and what an applied configuration changes.

https://kubernetes.io/docs/reference/using-api/server-side-apply/ A path is a tuple of steps as ``fieldsV1`` has them:
``f:name`` a field, ``k:{…}`` an item of a list by its keys, ``v:…`` an item of a set, ``.`` the item itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tests.doubles.kubernetes.errors import Refusal
from tests.doubles.kubernetes.store import now
from tests.doubles.kubernetes.types import ANY, Type

Object = dict[str, Any]
Path = tuple[str, ...]
_UNOWNED = {("f:apiVersion",), ("f:kind",)} | {
    ("f:metadata", f"f:{field}")
    for field in (
        "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink",
        "deletionTimestamp", "deletionGracePeriodSeconds",
    )
}  # fmt: skip


def paths(item: Any, type_: Type) -> set[Path]:
    """The leaves of an object."""
    return {path for path in _paths(item, type_, ()) if path[:2] not in _UNOWNED and path[:1] not in _UNOWNED}


def _paths(item: Any, type_: Type, path: Path) -> Iterator[Path]:
    if isinstance(item, dict) and type_.form in ("struct", "map", "any"):
        if not item and path:
            yield path
        for name, value in item.items():
            yield from _paths(value, type_.of(name), (*path, f"f:{name}"))
    elif isinstance(item, list) and type_.keys:
        for each in item:
            step = _key_step(each, type_)
            yield (*path, step, ".")
            yield from _paths(each, type_.item or ANY, (*path, step))
    elif isinstance(item, list) and type_.keys is not None:
        yield from ((*path, f"v:{json.dumps(each)}") for each in item)
    else:
        yield path


def _key_step(item: Object, type_: Type) -> str:
    keys = {key: _key_value(item, key) for key in type_.keys or ()}
    return "k:" + json.dumps(keys, separators=(",", ":"), sort_keys=True)


def _key_value(item: Object, key: str) -> Any:
    # The one key that Kubernetes defaults.
    return item.get(key, "TCP") if key == "protocol" else item.get(key)


def value_at(item: Any, path: Path, type_: Type) -> Any:
    """None where nothing is there."""
    for step in path:
        if step == ".":
            return True
        if step.startswith("f:"):
            if not isinstance(item, dict):
                return None
            item, type_ = item.get(step[2:]), type_.of(step[2:])
        elif step.startswith("k:"):
            found = [each for each in item or () if _key_step(each, type_) == step]
            item, type_ = (found[0] if found else None), type_.item or ANY
        else:
            return True if json.loads(step[2:]) in (item or ()) else None
    return item


def merged(live: Any, config: Any, type_: Type) -> Any:
    """The configuration laid over what is there."""
    if isinstance(config, dict) and isinstance(live, dict) and type_.form in ("struct", "map", "any"):
        laid = {name: merged(live.get(name), value, type_.of(name)) for name, value in config.items()}
        return {**live, **laid}
    if isinstance(config, list) and isinstance(live, list) and type_.keys:
        new = {_key_step(each, type_): each for each in config}
        old = {_key_step(each, type_): each for each in live}
        order = [*(key for key in old if key not in new), *new] if not set(new) & set(old) else [
            *old, *(key for key in new if key not in old)
        ]  # fmt: skip
        item = type_.item or ANY
        return [merged(old.get(key), new[key], item) if key in new else old[key] for key in order]
    if isinstance(config, list) and isinstance(live, list) and type_.keys is not None:
        return [*live, *(each for each in config if each not in live)]
    return config


def without(item: Any, gone: Iterable[Path], type_: Type) -> Any:
    """The object without these leaves, the deepest first; an item goes before the keys by which it is found."""
    for path in sorted(gone, key=lambda path: (-len(path), path[-1] != ".")):
        item = _without(item, path, type_)
    return item


def _without(item: Any, path: Path, type_: Type) -> Any:
    step, rest = path[0], path[1:]
    if step.startswith("f:") and isinstance(item, dict) and step[2:] in item:
        name = step[2:]
        if not rest:
            return {key: value for key, value in item.items() if key != name}
        left = _without(item[name], rest, type_.of(name))
        emptied = left in ({}, []) and item[name] not in ({}, [])
        return {key: left if key == name else value for key, value in item.items() if key != name or not emptied}
    if step.startswith("k:") and isinstance(item, list):
        if rest == (".",):
            return [each for each in item if _key_step(each, type_) != step]
        return [_without(each, rest, type_.item or ANY) if _key_step(each, type_) == step else each for each in item]
    if step.startswith("v:") and isinstance(item, list):
        return [each for each in item if each != json.loads(step[2:])]
    return item


def owners(item: Object) -> dict[tuple[str, str, str], set[Path]]:
    """(manager, operation, subresource) -> the leaves that it owns."""
    entries = item["metadata"].get("managedFields") or ()
    return {
        (each["manager"], each["operation"], each.get("subresource", "")): set(_leaves(each["fieldsV1"], ()))
        for each in entries
    }


def _leaves(fields: Object, path: Path) -> Iterator[Path]:
    for step, below in fields.items():
        if step == "." or not below:
            yield (*path, step)
        else:
            yield from _leaves(below, (*path, step))


def with_owners(item: Object, owned: dict[tuple[str, str, str], set[Path]], api_version: str) -> Object:
    entries = []
    for (manager, operation, subresource), leaves in owned.items():
        tree: Object = {}
        for path in sorted(leaves):
            below = tree
            for step in path:
                below = below.setdefault(step, {})
        if leaves:
            entry = {"manager": manager, "operation": operation, "apiVersion": api_version, "time": now()}
            entries.append({**entry, "fieldsType": "FieldsV1", "fieldsV1": tree})
            if subresource:
                entries[-1]["subresource"] = subresource
    return {**item, "metadata": {**item["metadata"], "managedFields": entries}}


def applied(live: Object, config: Object, type_: Type, manager: str, *, force: bool, api_version: str) -> Object:
    """What is there after this manager applied this configuration. Raises `Refusal` 409 for another's fields."""
    owned = owners(live)
    me = (manager, "Apply", "")
    wanted = paths(config, type_)
    taken: list[tuple[str, Path]] = []
    for owner, leaves in owned.items():
        if owner == me:
            continue
        different = {path for path in leaves & wanted if value_at(live, path, type_) != value_at(config, path, type_)}
        taken += [(owner[0], path) for path in different]
        owned[owner] = leaves - different
    if taken and not force:
        raise _conflict(taken)
    others = set().union(*(leaves for owner, leaves in owned.items() if owner != me))
    gone = owned.get(me, set()) - wanted - others
    left = without(merged(live, config, type_), gone, type_)
    left["metadata"] = {**left["metadata"], "managedFields": live["metadata"].get("managedFields") or []}
    return with_owners(left, {**owned, me: wanted}, api_version)


def _conflict(taken: list[tuple[str, Path]]) -> Refusal:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}"',
            "field": "".join(f".{step[2:]}" if step.startswith("f:") else f"[{step[2:]}]" for step in path),
        }
        for manager, path in sorted(taken)
    ]
    said = "\n".join(f"- {cause['field']}" for cause in causes)
    plural = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    return Refusal(
        409, "Conflict", f"Apply failed with {plural}: {causes[0]['message']}:\n{said}", details={"causes": causes}
    )


def updated(before: Object | None, after: Object, type_: Type, manager: str, api_version: str, sub: str = "") -> Object:
    """After an ordinary write: what it changed is its writer's, what it took away is nobody's."""
    owned = owners(before) if before else {}
    now_there = paths(after, type_)
    then = paths(before, type_) if before else set()
    mine = {
        path for path in now_there if path not in then or value_at(before, path, type_) != value_at(after, path, type_)
    }
    if not mine and now_there == then:
        kept = (before or after)["metadata"].get("managedFields") or []
        return {**after, "metadata": {**after["metadata"], "managedFields": kept}}
    me = (manager, "Update", sub)
    left = {owner: (leaves & now_there) - (mine if owner != me else set()) for owner, leaves in owned.items()}
    return with_owners(after, {**left, me: (left.get(me) or set()) | mine}, api_version)
