"""What the kubelets do with the pods of their nodes: start them, find them ready, and end them."""

from __future__ import annotations

import itertools
from typing import Any

from tests.doubles.kubernetes.controllers.readiness import lacks
from tests.doubles.kubernetes.pods import is_finished, is_going, owner
from tests.doubles.kubernetes.store import Object, now
from tests.doubles.kubernetes.world import Kubelet, World, condition, monotonic, with_conditions

_ADDRESS = itertools.count(2)


def reconcile(world: World) -> None:
    for pod in world.store.list("pods"):
        where = pod["spec"].get("nodeName")
        if not where:
            continue
        kubelet = world.kubelets.get(where)
        if world.store.get("nodes", "", where) is None:
            world.store.remove("pods", pod)  # the garbage of a node that is gone
        elif kubelet is None or not kubelet.runs:
            _unseen(world, pod)
        elif is_going(pod):
            _end(world, pod)
        elif not is_finished(pod):
            _run(world, pod, kubelet)


def _unseen(world: World, pod: Object) -> None:
    """Nobody tells of it any more: not ready, and never gone."""
    status = pod.get("status") or {}
    if any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ()):
        world.status("pods", pod, conditions=with_conditions(status, condition("Ready", "False", "NodeLost")))


def _end(world: World, pod: Object) -> None:
    uid = pod["metadata"]["uid"]
    begun = world.since.setdefault(f"end {uid}", monotonic())
    grace = pod["metadata"].get("deletionGracePeriodSeconds", 0)
    due = begun + min(world.settings.pod_gone_after_s, grace)
    if monotonic() < due:
        world.wake_at(due)
        return
    if pod["metadata"].get("finalizers"):
        return
    world.store.remove("pods", pod)


def _run(world: World, pod: Object, kubelet: Kubelet) -> None:
    spec, settings = pod["spec"], world.settings
    waits = _cannot_start(world, pod, kubelet)
    images = [container["image"] for container in [*spec["containers"], *(spec.get("initContainers") or ())]]
    if waits:
        reason, said, kind = waits
        world.event(pod, kind, said)
        _tell(world, pod, "Pending", ready=False, state={"waiting": {"reason": reason, "message": said}})
        return
    for image in images:
        if any(bad in image for bad in settings.bad_images):
            said = f'Back-off pulling image "{image}"'
            world.event(pod, "Failed", f'Failed to pull image "{image}": not found')
            _tell(
                world, pod, "Pending", ready=False, state={"waiting": {"reason": "ImagePullBackOff", "message": said}}
            )
            return
    begun = world.since.setdefault(f"start {pod['metadata']['uid']}", monotonic())
    due = begun + settings.pod_ready_after_s
    running = {"running": {"startedAt": (pod.get("status") or {}).get("startTime") or now()}}
    if monotonic() < due:
        world.wake_at(due)
        _tell(world, pod, "Running", ready=False, state=running)
    elif any(bad in image for bad in settings.crashing_images for image in images):
        _crash(world, pod)
    elif _ends_by_itself(pod):
        ended = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": now(), "startedAt": now()}}
        _tell(world, pod, "Succeeded", ready=False, state=ended)
    else:
        waits_for = lacks(world, pod)
        if waits_for:
            world.event(pod, "Unhealthy", waits_for)
        _tell(world, pod, "Running", ready=not waits_for and not world.is_never_ready(pod), state=running)


def _crash(world: World, pod: Object) -> None:
    world.event(pod, "BackOff", "Back-off restarting failed container")
    if pod["spec"]["restartPolicy"] == "Never":
        ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": now(), "startedAt": now()}}
        _tell(world, pod, "Failed", ready=False, state=ended)
        return
    said = f"back-off 5m0s restarting failed container pod={pod['metadata']['name']}"
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": said}}
    _tell(world, pod, "Running", ready=False, state=state, restarts=5)


def _ends_by_itself(pod: Object) -> bool:
    above = owner(pod)
    return above is not None and above["kind"] == "Job"


def _cannot_start(world: World, pod: Object, kubelet: Kubelet) -> tuple[str, str, str] | None:
    """(reason of the waiting state, what the event says, its reason)."""
    spec, namespace = pod["spec"], pod["metadata"]["namespace"]
    if not spec.get("hostNetwork") and not kubelet.network:
        said = (
            "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady"
        )
        return "ContainerCreating", said, "NetworkNotReady"
    for volume in spec.get("volumes") or ():
        for kind, key, name in (("secret", "secretName", "secrets"), ("configMap", "name", "configmaps")):
            if (
                kind in volume
                and not volume[kind].get("optional")
                and world.store.get(name, namespace, volume[kind][key]) is None
            ):
                missing = f'{kind.lower()} "{volume[kind][key]}" not found'
                said = f'MountVolume.SetUp failed for volume "{volume["name"]}": {missing}'
                return "ContainerCreating", said, "FailedMount"
        claim = volume.get("persistentVolumeClaim")
        if claim:
            found = world.store.get("persistentvolumeclaims", namespace, claim["claimName"])
            if found is None or found["status"].get("phase") != "Bound":
                return "ContainerCreating", f'persistentvolumeclaim "{claim["claimName"]}" is not bound', "FailedMount"
    for container in [*spec["containers"], *(spec.get("initContainers") or ())]:
        lost = _missing_source(world, namespace, container)
        if lost:
            return "CreateContainerConfigError", lost, "Failed"
    return None


def _missing_source(world: World, namespace: str, container: Object) -> str | None:
    wanted: list[tuple[str, str, Any]] = []
    for each in container.get("env") or ():
        source = each.get("valueFrom") or {}
        for field, kind in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
            if field in source and not source[field].get("optional"):
                wanted.append((kind, source[field]["name"], source[field]["key"]))
    for each in container.get("envFrom") or ():
        for field, kind in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if field in each and not each[field].get("optional"):
                wanted.append((kind, each[field]["name"], None))
    for kind, name, key in wanted:
        found = world.store.get(kind, namespace, name)
        if found is None:
            return f'{kind[:-1]} "{name}" not found'
        if key is not None and key not in (found.get("data") or {}):
            return f"couldn't find key {key} in {kind[:-1].title()} {namespace}/{name}"
    return None


def _tell(world: World, pod: Object, phase: str, *, ready: bool, state: Object, restarts: int = 0) -> None:
    status = pod.get("status") or {}
    node = world.kubelets[pod["spec"]["nodeName"]].registration
    own = pod["spec"].get("hostNetwork")
    address = node.internal_ip if own else status.get("podIP") or _next_address()
    done = phase == "Succeeded"
    said = {} if ready else {"reason": "PodCompleted" if done else "ContainersNotReady"}
    conditions = [
        condition("PodReadyToStartContainers", phase != "Pending", ""),
        condition("Initialized", True, ""),
        condition("Ready", ready, said.get("reason", "")),
        condition("ContainersReady", ready, said.get("reason", "")),
        condition("PodScheduled", True, ""),
    ]
    containers = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": ready,
            "started": phase == "Running",
            "restartCount": restarts,
            "state": _kept_state(status, container["name"], state),
            "lastState": {},
        }
        for container in pod["spec"]["containers"]
    ]
    world.status(
        "pods",
        pod,
        phase=phase,
        hostIP=node.internal_ip,
        podIP=None if phase == "Pending" and not own else address,
        startTime=status.get("startTime") or now(),
        conditions=with_conditions(status, *conditions),
        containerStatuses=containers,
    )


def _kept_state(status: Object, name: str, state: Object) -> Object:
    """The state as it was told, so that nothing differs but the time."""
    for each in status.get("containerStatuses") or ():
        if each["name"] == name and list(each["state"]) == list(state) and "waiting" not in state:
            kept: Object = each["state"]
            return kept
    return state


def _next_address() -> str:
    number = next(_ADDRESS)
    return f"192.168.{number // 250 % 250}.{number % 250 + 1}"
