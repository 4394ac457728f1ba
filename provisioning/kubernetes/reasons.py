"""Why pods are not ready: what the scheduler, the kubelet and the containers say, in one line for each pod."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Object = dict[str, Any]

# What a container waits for while all is going well.
_USUAL = {"ContainerCreating", "PodInitializing"}


def not_ready(pods: Sequence[Object], events: Sequence[Object]) -> list[str]:
    """One line for each pod that is not ready, with its last warning; pods that have done their work are ready."""
    return [f"pod {_name(pod)} {reason(pod, events)}" for pod in pods if not is_ready(pod)]


def is_ready(pod: Object) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    status = pod.get("status", {})
    return status.get("phase") == "Succeeded" or any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in status.get("conditions", [])
    )


def reason(pod: Object, events: Sequence[Object] = ()) -> str:
    """What keeps this pod from being ready."""
    if "deletionTimestamp" in pod["metadata"]:
        return "is being deleted"
    said = list(_said(pod))
    if not said:
        said = [f"is {pod.get('status', {}).get('phase', 'Unknown')}"]
    warning = _last_warning(pod, events)
    if warning and not any(warning in each for each in said):
        said.append(warning)
    return "; ".join(said)


def _said(pod: Object) -> Iterator[str]:
    status = pod.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"is not scheduled: {condition.get('message') or condition.get('reason') or 'no reason given'}"
    if status.get("phase") == "Failed":
        yield f"has failed: {status.get('message') or status.get('reason') or 'no reason given'}"
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        state = container.get("state", {})
        if (waiting := state.get("waiting")) and waiting.get("reason") not in _USUAL:
            words = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
            yield f"container {container['name']} waits: {words or 'no reason given'}{_last_end(container)}"
        elif (ended := state.get("terminated")) and ended.get("exitCode"):
            yield f"container {container['name']} ended with exit code {ended['exitCode']} ({ended.get('reason')})"
        elif "running" in state and not container.get("ready"):
            yield f"container {container['name']} runs and is not ready{_last_end(container)}"


def _last_end(container: Object) -> str:
    ended = container.get("lastState", {}).get("terminated")
    if not ended:
        return ""
    restarts = container.get("restartCount", 0)
    return f" (ended before with exit code {ended.get('exitCode')}, {ended.get('reason')}; {restarts} restarts)"


def _last_warning(pod: Object, events: Sequence[Object]) -> str | None:
    own = [
        event
        for event in events
        if event.get("type") == "Warning"
        and event.get("involvedObject", {}).get("name") == pod["metadata"]["name"]
        and event.get("involvedObject", {}).get("namespace") == pod["metadata"].get("namespace")
    ]
    if not own:
        return None
    last = max(own, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return f"{last.get('reason')}: {last.get('message')}"


def _name(pod: Object) -> str:
    return f"{pod['metadata'].get('namespace')}/{pod['metadata']['name']}"
