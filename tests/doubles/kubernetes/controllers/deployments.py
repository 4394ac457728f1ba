"""Deployments: a ReplicaSet for each template, rolled over within the bounds of surge and unavailability."""

from __future__ import annotations

import copy

from tests.doubles.kubernetes.controllers import replicas
from tests.doubles.kubernetes.pods import is_going, is_ready, owned_by, portion
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import (
    World,
    condition,
    monotonic,
    owner_reference,
    template_hash,
    with_conditions,
)

_KEY = "deployments.apps"
_REVISION = "deployment.kubernetes.io/revision"


def reconcile(world: World) -> None:
    for item in world.store.list(_KEY):
        if not is_going(item):
            _reconcile(world, item)
    replicas.reconcile(world)


def _reconcile(world: World, item: Object) -> None:
    metadata, spec = item["metadata"], item["spec"]
    sets = [each for each in world.store.list(replicas.SETS, metadata["namespace"]) if owned_by(each, metadata["uid"])]
    name = f"{metadata['name']}-{template_hash(spec['template'])}"
    current = next((each for each in sets if each["metadata"]["name"] == name), None)
    old = [each for each in sets if each["metadata"]["name"] != name]
    if not spec.get("paused"):
        if current is None:
            current = _new_set(world, item, name, old)
        _roll(world, item, current, old)
    elif current is None:
        return
    item = _revised(world, item, current)
    _tell(world, item, current["metadata"]["uid"], old)
    keep = spec.get("revisionHistoryLimit", 10)
    finished = [each for each in old if each["spec"]["replicas"] == 0 and not each["status"].get("replicas")]
    for each in sorted(finished, key=_revision)[: max(0, len(finished) - keep)]:
        world.delete(replicas.SETS, each)


def _revision(item: Object) -> int:
    return int(item["metadata"].get("annotations", {}).get(_REVISION, 0))


def _new_set(world: World, item: Object, name: str, old: list[Object]) -> Object:
    mark = name.rpartition("-")[2]
    template = copy.deepcopy(item["spec"]["template"])
    template.setdefault("metadata", {}).setdefault("labels", {})["pod-template-hash"] = mark
    selector = copy.deepcopy(item["spec"]["selector"])
    selector.setdefault("matchLabels", {})["pod-template-hash"] = mark
    return world.create(
        replicas.SETS,
        {
            "metadata": {
                "name": name,
                "namespace": item["metadata"]["namespace"],
                "labels": dict(template["metadata"]["labels"]),
                "annotations": {_REVISION: str(max([0, *map(_revision, old)]) + 1)},
                "ownerReferences": [owner_reference(item)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        },
    )


def _revised(world: World, item: Object, current: Object) -> Object:
    annotations = item["metadata"].get("annotations") or {}
    revision = current["metadata"]["annotations"][_REVISION]
    if annotations.get(_REVISION) == revision:
        return item
    return world.store.put(
        _KEY, {**item, "metadata": {**item["metadata"], "annotations": {**annotations, _REVISION: revision}}}
    )


def _scale(world: World, item: Object, count: int) -> None:
    if item["spec"]["replicas"] != count:
        metadata = {**item["metadata"], "generation": item["metadata"]["generation"] + 1}
        world.store.put(replicas.SETS, {**item, "metadata": metadata, "spec": {**item["spec"], "replicas": count}})


def _roll(world: World, item: Object, current: Object, old: list[Object]) -> None:
    spec = item["spec"]
    wanted = spec["replicas"]
    old = [each for each in old if each["spec"]["replicas"] or each["status"].get("replicas")]
    highest = max([0, *map(_revision, old)])
    if _revision(current) <= highest:  # an old template has come back: kubectl rollout undo
        annotations = {**current["metadata"]["annotations"], _REVISION: str(highest + 1)}
        current = world.store.put(
            replicas.SETS, {**current, "metadata": {**current["metadata"], "annotations": annotations}}
        )
    if spec["strategy"]["type"] == "Recreate":
        for each in old:
            _scale(world, each, 0)
        if not any(replicas.pods_of(world, each) for each in old):
            _scale(world, current, wanted)
        return
    rolling = spec["strategy"]["rollingUpdate"]
    surge = portion(rolling["maxSurge"], wanted, up=True)
    missing = portion(rolling["maxUnavailable"], wanted, up=False)
    if surge == missing == 0:
        missing = 1
    others = sum(each["spec"]["replicas"] for each in old)
    grown = max(min(wanted, wanted + surge - others), current["spec"]["replicas"] if others else 0)
    _scale(world, current, min(grown, wanted))
    available = sum(each["status"].get("availableReplicas", 0) for each in [*old, current] if "status" in each)
    may_go = max(0, available - (wanted - missing))
    for each in sorted(old, key=_revision):
        unready = each["spec"]["replicas"] - each["status"].get("availableReplicas", 0)
        gone = min(each["spec"]["replicas"], unready + may_go)
        may_go -= max(0, gone - unready)
        _scale(world, each, each["spec"]["replicas"] - gone)


def _tell(world: World, item: Object, current_uid: str, old: list[Object]) -> None:
    spec, metadata = item["spec"], item["metadata"]
    live = [pod for each in world.store.list(replicas.SETS, metadata["namespace"]) if owned_by(each, metadata["uid"])
            for pod in replicas.pods_of(world, each) if not is_going(pod)]  # fmt: skip
    new = [pod for pod in live if owned_by(pod, current_uid)]
    ready = sum(is_ready(pod) for pod in live)
    new_ready = sum(is_ready(pod) for pod in new)
    wanted = spec["replicas"]
    least = wanted
    if spec["strategy"]["type"] == "RollingUpdate":
        least = wanted - portion(spec["strategy"]["rollingUpdate"]["maxUnavailable"], wanted, up=False)
    done = len(new) == wanted == len(live) and new_ready == wanted
    progressing = _progress(world, item, done=done, at=new_ready)
    available = (
        condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        if ready >= least
        else condition(
            "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
        )
    )
    stamped = [{**each, "lastUpdateTime": each["lastTransitionTime"]} for each in (available, progressing)]
    world.status(
        _KEY,
        item,
        observedGeneration=metadata["generation"],
        replicas=len(live) or None,
        updatedReplicas=len(new) or None,
        readyReplicas=ready or None,
        availableReplicas=ready or None,
        unavailableReplicas=max(0, wanted - ready) or None,
        conditions=with_conditions(item.get("status"), *stamped),
    )


def _progress(world: World, item: Object, *, done: bool, at: int) -> Object:
    mark = (item["metadata"]["uid"], item["metadata"]["generation"], at)
    name = item["metadata"]["name"]
    if done:
        return condition(
            "Progressing", "True", "NewReplicaSetAvailable", f'ReplicaSet of "{name}" has successfully progressed.'
        )
    deadline = world.progress.setdefault(mark, monotonic()) + item["spec"]["progressDeadlineSeconds"]
    if monotonic() >= deadline:
        return condition(
            "Progressing", "False", "ProgressDeadlineExceeded", f'ReplicaSet of "{name}" has timed out progressing.'
        )
    world.wake_at(deadline)
    return condition("Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet of "{name}" is progressing.')
