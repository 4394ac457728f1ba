"""Namespaces: what every one has, and the end of one with everything in it."""

from __future__ import annotations

from tests.doubles.kubernetes.pods import is_going
from tests.doubles.kubernetes.world import World


def reconcile(world: World) -> None:
    for item in world.store.list("namespaces"):
        name = item["metadata"]["name"]
        if is_going(item):
            _empty(world, name)
            if not _contents(world, name):
                world.store.remove("namespaces", item)
            continue
        world.create("serviceaccounts", {"metadata": {"name": "default", "namespace": name}})
        certificate = {"ca.crt": world.authority.certificate}
        world.create("configmaps", {"metadata": {"name": "kube-root-ca.crt", "namespace": name}, "data": certificate})


def _contents(world: World, name: str) -> list[str]:
    return [key for key in world.store.resources() if world.store.list(key, name)]


def _empty(world: World, name: str) -> None:
    for key in _contents(world, name):
        for item in world.store.list(key, name):
            if key == "events":
                world.store.remove(key, item)
            elif not is_going(item):
                world.delete(key, item)
