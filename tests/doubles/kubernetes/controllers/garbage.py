"""The garbage collector: what is left without its owner goes, and what waits for its dependents."""

from __future__ import annotations

from tests.doubles.kubernetes.pods import is_going
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World


def reconcile(world: World) -> None:
    everything = {key: world.store.list(key) for key in world.store.resources()}
    alive = {item["metadata"]["uid"]: item for items in everything.values() for item in items}
    below: dict[str, list[tuple[str, Object]]] = {}
    for key, items in everything.items():
        for item in items:
            references = item["metadata"].get("ownerReferences") or ()
            for each in references:
                below.setdefault(each["uid"], []).append((key, item))
            if references and not is_going(item) and all(each["uid"] not in alive for each in references):
                world.delete(key, item)
    for key, items in everything.items():
        for item in items:
            finalizers = item["metadata"].get("finalizers") or ()
            if not is_going(item):
                continue
            if "foregroundDeletion" in finalizers:
                _foreground(world, key, item, below.get(item["metadata"]["uid"], []))
            elif "orphan" in finalizers:
                _orphan(world, key, item, below.get(item["metadata"]["uid"], []))


def _foreground(world: World, key: str, item: Object, dependents: list[tuple[str, Object]]) -> None:
    for below_key, each in dependents:
        if not is_going(each):
            world.delete(below_key, each, propagationPolicy="Foreground" if "spec" in each else "Background")
    if not dependents:
        world.without_finalizer(key, item, "foregroundDeletion")


def _orphan(world: World, key: str, item: Object, dependents: list[tuple[str, Object]]) -> None:
    uid = item["metadata"]["uid"]
    for below_key, each in dependents:
        left = [reference for reference in each["metadata"]["ownerReferences"] if reference["uid"] != uid]
        world.store.put(below_key, {**each, "metadata": {**each["metadata"], "ownerReferences": left}})
    world.without_finalizer(key, item, "orphan")
