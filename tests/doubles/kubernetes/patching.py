"""Patches of the three old forms: JSON (RFC 6902), merge (RFC 7386) and Kubernetes' strategic merge."""

from typing import Any

import jsonpatch

from tests.doubles.kubernetes.errors import Refusal, bad_request
from tests.doubles.kubernetes.types import ANY, Type

Object = dict[str, Any]


def json_patched(item: Object, operations: Any) -> Object:
    """Raises `Refusal`: 422 where a test fails or a path is not there, 400 for what is no patch."""
    try:
        patched: Object = jsonpatch.apply_patch(item, operations)
    except (jsonpatch.JsonPatchConflict, jsonpatch.JsonPatchTestFailed, jsonpatch.JsonPointerException) as error:
        raise Refusal(
            422, "Invalid", f"the server rejected our request due to an error in our request: {error}"
        ) from error
    except (jsonpatch.InvalidJsonPatch, TypeError, ValueError) as error:
        raise bad_request(f"error decoding patch: {error}") from error
    return patched


def merge_patched(item: Any, patch: Any) -> Any:
    """A null takes a field away; lists are replaced as a whole."""
    if not isinstance(patch, dict):
        return patch
    base = item if isinstance(item, dict) else {}
    merged = dict(base)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patched(base.get(name), value)
    return merged


def strategic_patched(item: Any, patch: Any, type_: Type) -> Any:
    """A merge in which lists of things with a key are merged by that key. Raises `Refusal` for an unknown directive.

    https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
    """
    if not isinstance(patch, dict):
        return patch
    directive = patch.get("$patch")
    if directive == "replace":
        return _bare(patch)
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"unable to parse strategic merge patch: unknown $patch {directive!r}")
    base = item if isinstance(item, dict) else {}
    merged = dict(base)
    if "$retainKeys" in patch:
        merged = {name: value for name, value in merged.items() if name in patch["$retainKeys"]}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            merged[field] = [each for each in merged.get(field) or () if each not in value]
        elif name.startswith("$"):
            continue
        elif value is None:
            merged.pop(name, None)
        elif isinstance(value, list):
            order = patch.get(f"$setElementOrder/{name}")
            merged[name] = _list_patched(merged.get(name) or [], value, type_.of(name), order)
        else:
            merged[name] = strategic_patched(merged.get(name), value, type_.of(name))
    for name in [name for name in patch if name.startswith("$setElementOrder/")]:
        field = name.partition("/")[2]
        if field not in patch and isinstance(merged.get(field), list):
            merged[field] = _ordered(merged[field], type_.of(field).merge_key, patch[name])
    return merged


def _list_patched(items: list[Any], patch: list[Any], type_: Type, order: list[Any] | None) -> list[Any]:
    key = type_.merge_key
    if key is None:
        return [each for each in patch if not _is_directive(each)]
    if key == "":
        return [*items, *(each for each in patch if each not in items)]
    if any(_is_directive(each) and each["$patch"] == "replace" for each in patch):
        return [_bare(each) for each in patch if not _is_directive(each) or len(each) > 1]
    result = list(items)
    for each in patch:
        if key not in each:
            raise bad_request(f"map: {each} does not contain declared merge key: {key}")
        at = next((index for index, item in enumerate(result) if item.get(key) == each[key]), None)
        if each.get("$patch") == "delete":
            result = [item for item in result if item.get(key) != each[key]]
        elif at is None:
            result.append(_bare(each))
        else:
            result[at] = strategic_patched(result[at], each, type_.item or ANY)
    return _ordered(result, key, order)


def _ordered(items: list[Any], key: str | None, order: list[Any] | None) -> list[Any]:
    if not order:
        return items
    places = {str(each.get(key) if isinstance(each, dict) else each): index for index, each in enumerate(order)}
    return sorted(items, key=lambda item: places.get(str(item.get(key) if key else item), len(places)))


def _is_directive(item: Any) -> bool:
    return isinstance(item, dict) and "$patch" in item


def _bare(item: Any) -> Any:
    if isinstance(item, dict):
        return {name: _bare(value) for name, value in item.items() if not name.startswith("$") and value is not None}
    return [_bare(each) for each in item] if isinstance(item, list) else item
