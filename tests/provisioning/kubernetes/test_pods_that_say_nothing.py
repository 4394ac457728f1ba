"""A pod that does not start has a reason somewhere: the scheduler's, the kubelet's, the container's. It is found."""

from typing import Any

from provisioning.kubernetes.reasons import is_ready, not_ready, reason

Object = dict[str, Any]


def pod(phase: str = "Running", *, ready: bool = False, **status: Any) -> Object:
    conditions = status.pop("conditions", [{"type": "Ready", "status": str(ready)}])
    return {
        "metadata": {"name": "waste-1", "namespace": "eco2"},
        "status": {"phase": phase, "conditions": conditions, **status},
    }


def container(state: Object, **more: Any) -> Object:
    return {"name": "waste", "ready": False, "state": state, **more}


def warning(reason: str, message: str, when: str = "2026-01-01T00:00:00Z", name: str = "waste-1") -> Object:
    involved = {"kind": "Pod", "name": name, "namespace": "eco2"}
    return {"type": "Warning", "reason": reason, "message": message, "lastTimestamp": when, "involvedObject": involved}


def test_a_ready_pod_and_one_that_is_done_are_no_trouble() -> None:
    assert is_ready(pod(ready=True))
    assert is_ready(pod("Succeeded"))
    assert not_ready([pod(ready=True), pod("Succeeded")], []) == []


def test_the_scheduler_says_why_it_found_no_node() -> None:
    message = "0/13 nodes are available: 12 Insufficient memory."
    unscheduled = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]
    assert reason(pod("Pending", conditions=unscheduled)) == f"is not scheduled: {message}"


def test_an_image_that_is_not_there_is_named() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image x:1"}}
    [line] = not_ready([pod("Pending", containerStatuses=[container(waiting)])], [])
    assert line == "pod eco2/waste-1 container waste waits: ImagePullBackOff: Back-off pulling image x:1"


def test_a_crash_is_told_with_its_exit_code_and_its_number() -> None:
    crashing = container(
        {"waiting": {"reason": "CrashLoopBackOff"}},
        lastState={"terminated": {"exitCode": 78, "reason": "Error"}},
        restartCount=4,
    )
    said = reason(pod(containerStatuses=[crashing]))
    assert said == "container waste waits: CrashLoopBackOff (ended before with exit code 78, Error; 4 restarts)"


def test_the_last_warning_about_the_pod_itself_is_told() -> None:
    events = [
        warning("Unhealthy", "an old one", "2026-01-01T00:00:00Z"),
        warning("Unhealthy", "Readiness probe failed: 503", "2026-01-01T00:05:00Z"),
        warning("Unhealthy", "of another", "2026-01-01T00:09:00Z", name="auth-1"),
    ]
    said = reason(pod(containerStatuses=[container({"running": {}})]), events)
    assert said == "container waste runs and is not ready; Unhealthy: Readiness probe failed: 503"


def test_an_init_container_is_looked_at_too() -> None:
    ended = container({"terminated": {"exitCode": 1, "reason": "Error"}})
    assert "ended with exit code 1" in reason(pod("Pending", initContainerStatuses=[ended]))


def test_a_pod_without_any_word_still_has_its_phase() -> None:
    assert reason(pod("Pending", conditions=[])) == "is Pending"
