"""StatefulSets: numbered pods, each with its own volumes, made and replaced in order."""

from __future__ import annotations

import copy

from tests.doubles.kubernetes.controllers.replicas import make_pod, pods_of
from tests.doubles.kubernetes.pods import is_finished, is_going, is_ready
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World, owner_reference, template_hash

_KEY = "statefulsets.apps"
_HASH = "controller-revision-hash"


def reconcile(world: World) -> None:
    for item in world.store.list(_KEY):
        if not is_going(item):
            _reconcile(world, item)


def _reconcile(world: World, item: Object) -> None:
    metadata, spec = item["metadata"], item["spec"]
    name, wanted = metadata["name"], spec["replicas"]
    mark = f"{name}-{template_hash(spec['template'])}"
    pods = {int(pod["metadata"]["name"].rpartition("-")[2]): pod for pod in pods_of(world, item)}
    in_order = spec["podManagementPolicy"] == "OrderedReady"
    for each in pods.values():
        if is_finished(each) and not is_going(each):
            world.delete("pods", each, gracePeriodSeconds=0)
    for ordinal in range(wanted):
        pod = pods.get(ordinal)
        if pod is None:
            made = _make(world, item, ordinal, mark)
            if made is None:
                break
            pod = pods[ordinal] = made
        if in_order and (is_going(pod) or not is_ready(pod)):
            break
    for ordinal in sorted((number for number in pods if number >= wanted), reverse=True):
        if not is_going(pods[ordinal]):
            world.delete("pods", pods[ordinal])
        if in_order:
            break
    live = [pods[ordinal] for ordinal in sorted(pods) if ordinal < wanted]
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _roll(world, live, mark, spec["updateStrategy"]["rollingUpdate"]["partition"])
    _tell(world, item, live, mark)


def _make(world: World, item: Object, ordinal: int, mark: str) -> Object | None:
    metadata, spec = item["metadata"], item["spec"]
    name = f"{metadata['name']}-{ordinal}"
    volumes = []
    for template in spec.get("volumeClaimTemplates") or ():
        claim = f"{template['metadata']['name']}-{name}"
        about = template["metadata"]
        world.create(
            "persistentvolumeclaims",
            {
                "metadata": {
                    "name": claim,
                    "namespace": metadata["namespace"],
                    "labels": {**(spec["selector"].get("matchLabels") or {}), **(about.get("labels") or {})},
                    "annotations": dict(about.get("annotations") or {}),
                    **_retention(item),
                },
                "spec": copy.deepcopy(template["spec"]),
            },
        )
        volumes.append({"name": about["name"], "persistentVolumeClaim": {"claimName": claim}})
    given = [
        each
        for each in spec["template"]["spec"].get("volumes") or ()
        if each["name"] not in {v["name"] for v in volumes}
    ]
    labels = {_HASH: mark, "statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": str(ordinal)}
    return make_pod(
        world,
        item,
        name,
        labels=labels,
        volumes=[*given, *volumes],
        hostname=name,
        subdomain=spec.get("serviceName") or "",
    )


def _retention(item: Object) -> Object:
    if item["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] != "Delete":
        return {}
    return {"ownerReferences": [owner_reference(item)]}


def _roll(world: World, live: list[Object], mark: str, partition: int) -> None:
    """From the last to the first, one at a time, each only when those after it are ready."""
    for pod in reversed(live[partition:]):
        if is_going(pod):
            return
        if pod["metadata"]["labels"][_HASH] != mark:
            world.delete("pods", pod)
            return
        if not is_ready(pod):
            return


def _tell(world: World, item: Object, live: list[Object], mark: str) -> None:
    ready = sum(is_ready(pod) and not is_going(pod) for pod in live)
    updated = sum(pod["metadata"]["labels"][_HASH] == mark for pod in live)
    status = item.get("status") or {}
    done = updated == len(live) == item["spec"]["replicas"] and ready == updated
    world.status(
        _KEY,
        item,
        observedGeneration=item["metadata"]["generation"],
        replicas=len(live),
        readyReplicas=ready or None,
        availableReplicas=ready,
        updatedReplicas=updated or None,
        currentReplicas=(updated if done else len(live) - updated) or None,
        updateRevision=mark,
        currentRevision=mark if done else status.get("currentRevision", mark),
        collisionCount=0,
    )
