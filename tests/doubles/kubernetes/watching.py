"""A watch: what changes, as a stream of JSON lines, each once, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.doubles.kubernetes.resources import Resource
from tests.doubles.kubernetes.store import Change, Store

Object = dict[str, Any]
Chooses = Callable[[Object], bool]
_BREATH_S = 1.0


def watch(
    store: Store,
    resource: Resource,
    namespace: str | None,
    chooses: Chooses,
    *,
    since: int | None,
    bookmarks: bool,
    initial: bool,
    timeout_s: float,
    ended: Callable[[], bool],
) -> Iterator[Object | None]:
    """The events, None where there is nothing to say. ``since`` None begins with what is there."""
    shown = _of_version(resource)
    with store.lock:
        at = store.version
        there = [item for item in store.list(resource.key, namespace) if chooses(item)]
    if since is None or initial:
        yield from ({"type": "ADDED", "object": shown(item)} for item in there)
    else:
        at = since
    if bookmarks and initial:
        yield _bookmark(resource, at, {"k8s.io/initial-events-end": "true"})
    until = time.monotonic() + timeout_s
    while time.monotonic() < until and not store.closed and not ended():
        changes = store.changes_after(at, resource.key)
        at = max([at, store.version] if not changes else [changes[-1].version])
        events = [event for change in changes if (event := _event(change, namespace, chooses, shown))]
        yield from events
        if not changes:
            yield None
            store.wait(at, min(_BREATH_S, until - time.monotonic()))
    if bookmarks:
        yield _bookmark(resource, at, {})


def _event(change: Change, namespace: str | None, chooses: Chooses, shown: Callable[[Object], Object]) -> Object | None:
    if namespace is not None and change.key[1] != namespace:
        return None
    was = change.before is not None and chooses(change.before)
    after = change.after
    if after is not None and chooses(after):
        return {"type": "MODIFIED" if was else "ADDED", "object": shown(after)}
    if was and change.before is not None:
        last = change.before if after is None else after
        metadata = {**last["metadata"], "resourceVersion": str(change.version)}
        return {"type": "DELETED", "object": shown({**last, "metadata": metadata})}
    return None


def _of_version(resource: Resource) -> Callable[[Object], Object]:
    return lambda item: {**item, "apiVersion": resource.group_version, "kind": resource.kind}


def _bookmark(resource: Resource, version: int, annotations: dict[str, str]) -> Object:
    metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    return {
        "type": "BOOKMARK",
        "object": {"kind": resource.kind, "apiVersion": resource.group_version, "metadata": metadata},
    }
