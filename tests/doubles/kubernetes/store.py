"""Where objects lie: in memory, each with the version of its last change, and a log of changes for those who watch."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str, str]  # resource, namespace ("" for what has none), name


@dataclass(frozen=True)
class Change:
    """One change. ``before`` is None for what is new, ``after`` for what is gone."""

    version: int
    key: Key
    before: Object | None
    after: Object | None


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Store:
    """Objects are never changed in place: who has one may keep it. All methods may be called from any thread.

    ``lock`` holds the world still for what reads and then writes.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 100
        self.closed = False
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}
        self._changes: list[Change] = []
        self._mine = threading.local()
        self.on_change: list[Callable[[Change], None]] = []

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self._objects.get(resource, {}).get((namespace, name))

    def list(self, resource: str, namespace: str | None = None) -> list[Object]:
        """In the order of namespace and name; None: of every namespace."""
        with self.lock:
            found = sorted(self._objects.get(resource, {}).items())
        return [item for (where, _), item in found if namespace is None or where == namespace]

    def resources(self) -> Sequence[str]:
        """Those of which there are objects."""
        with self.lock:
            return [resource for resource, items in self._objects.items() if items]

    def put(self, resource: str, item: Object) -> Object:
        """Keeps this object in place of the one of its name, and returns it with its new version.

        The old one comes back, and nothing is noted, where nothing differs.
        """
        metadata = item["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        with self.lock:
            before = self.get(resource, namespace, name)
            if before is not None and _same(before, item):
                return before
            self.version += 1
            kept = {**item, "metadata": {**metadata, "resourceVersion": str(self.version)}}
            kept["metadata"].setdefault("uid", str(uuid.uuid4()))
            kept["metadata"].setdefault("creationTimestamp", now())
            self._objects.setdefault(resource, {})[namespace, name] = kept
            self._note((resource, namespace, name), before, kept)
            return kept

    def remove(self, resource: str, item: Object) -> None:
        """Takes it out, if it is still there."""
        namespace, name = item["metadata"].get("namespace", ""), item["metadata"]["name"]
        with self.lock:
            before = self._objects.get(resource, {}).pop((namespace, name), None)
            if before is not None:
                self.version += 1
                self._note((resource, namespace, name), before, None)

    def my_changes(self) -> int:
        """How many changes this thread has made: whether a request changed something, whatever else went on."""
        return getattr(self._mine, "count", 0)

    def _note(self, key: Key, before: Object | None, after: Object | None) -> None:
        self._mine.count = self.my_changes() + 1
        change = Change(self.version, key, before, after)
        self._changes.append(change)
        for hear in self.on_change:
            hear(change)
        self.changed.notify_all()

    def changes_after(self, version: int, resource: str | None = None) -> Sequence[Change]:
        """In their order."""
        with self.lock:
            first = len(self._changes)
            while first and self._changes[first - 1].version > version:
                first -= 1
            found = self._changes[first:]
        return found if resource is None else [change for change in found if change.key[0] == resource]

    def wait(self, version: int, seconds: float) -> int:
        """Returns the version as soon as it is beyond this one, or after these seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.version > version or self.closed, max(0.0, seconds))
            return self.version

    def close(self) -> None:
        """Lets everyone who waits go."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()


def _same(one: Object, other: Object) -> bool:
    return _timeless(one) == _timeless(other)


def _timeless(item: Object) -> Object:
    metadata = {key: value for key, value in item["metadata"].items() if key != "resourceVersion"}
    if "managedFields" in metadata:
        metadata["managedFields"] = [{**each, "time": ""} for each in metadata["managedFields"]]
    return {**item, "metadata": metadata}
