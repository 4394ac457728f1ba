"""Deletion: at once, or in steps where finalizers, a grace period or dependents stand before it."""

from __future__ import annotations

import time

from tests.doubles.kubernetes.resources import Resource
from tests.doubles.kubernetes.store import Object, Store


def deleted(store: Store, resource: Resource, item: Object, options: Object) -> Object | None:
    """Takes the object away, or marks it as going where something has to happen before. What is left of it, or None."""
    metadata = dict(item["metadata"])
    finalizers = list(metadata.get("finalizers") or ())
    policy = options.get("propagationPolicy") or ("Orphan" if options.get("orphanDependents") else "Background")
    extra = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(policy)
    if extra and extra not in finalizers:
        finalizers.append(extra)
    grace = options.get("gracePeriodSeconds")
    if resource.kind == "Pod":
        seconds = item["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
        waits = bool(item["spec"].get("nodeName")) and seconds > 0
    else:
        seconds, waits = 0, False
    terminating = resource.kind == "Namespace" and "kubernetes" in (item.get("spec") or {}).get("finalizers", ())
    if not finalizers and not waits and not terminating:
        store.remove(resource.key, item)
        return None
    if finalizers:
        metadata["finalizers"] = finalizers
    if "deletionTimestamp" not in metadata:
        later = time.gmtime(time.time() + seconds)
        metadata["deletionTimestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", later)
        if "generation" in metadata:
            metadata["generation"] += 1
    metadata["deletionGracePeriodSeconds"] = seconds
    item = {**item, "metadata": metadata}
    if terminating:
        item["status"] = {**item.get("status", {}), "phase": "Terminating"}
    return store.put(resource.key, item)
