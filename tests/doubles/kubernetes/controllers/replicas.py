"""ReplicaSets, and the making of pods for whatever has a template."""

from __future__ import annotations

import copy
from typing import Any

from tests.doubles.kubernetes.making import random_name
from tests.doubles.kubernetes.pods import is_finished, is_going, is_ready, owned_by
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World, condition, owner_reference, with_conditions

SETS = "replicasets.apps"


def pods_of(world: World, item: Object) -> list[Object]:
    metadata = item["metadata"]
    return [pod for pod in world.store.list("pods", metadata["namespace"]) if owned_by(pod, metadata["uid"])]


def make_pod(world: World, item: Object, name: str, *, labels: Object | None = None, **spec: Any) -> Object | None:
    """None, with an event, where admission refuses it."""
    template = copy.deepcopy(item["spec"]["template"])
    namespace = item["metadata"]["namespace"]
    metadata = template.get("metadata") or {}
    account = template["spec"].get("serviceAccountName") or "default"
    if world.store.get("serviceaccounts", namespace, account) is None:
        world.event(
            item,
            "FailedCreate",
            f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found',
        )
        return None
    priority = template["spec"].get("priorityClassName")
    if priority and world.store.get("priorityclasses.scheduling.k8s.io", "", priority) is None:
        world.event(item, "FailedCreate", f"no PriorityClass with name {priority} was found")
        return None
    return world.create(
        "pods",
        {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {**(metadata.get("labels") or {}), **(labels or {})},
                "annotations": dict(metadata.get("annotations") or {}),
                "ownerReferences": [owner_reference(item)],
            },
            "spec": {**template["spec"], **spec},
        },
    )


def reconcile(world: World) -> None:
    for item in world.store.list(SETS):
        if is_going(item):
            continue
        pods = pods_of(world, item)
        for pod in pods:
            if is_finished(pod) and not is_going(pod):
                world.delete("pods", pod, gracePeriodSeconds=0)
        active = [pod for pod in pods if not is_going(pod) and not is_finished(pod)]
        wanted = item["spec"]["replicas"]
        for _ in range(wanted - len(active)):
            made = make_pod(world, item, f"{item['metadata']['name']}-{random_name()}")
            if made is None:
                break
            active.append(made)
        # The ones that are not ready go first.
        for pod in sorted(active, key=is_ready)[: max(0, len(active) - wanted)]:
            world.delete("pods", pod)
        ready = sum(is_ready(pod) for pod in active)
        failed = condition("ReplicaFailure", "True", "FailedCreate") if len(active) < wanted else None
        world.status(
            SETS,
            item,
            observedGeneration=item["metadata"]["generation"],
            replicas=len(active),
            fullyLabeledReplicas=len(active),
            readyReplicas=ready,
            availableReplicas=ready,
            conditions=with_conditions(None, failed) if failed else None,
        )
