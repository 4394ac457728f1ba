"""Jobs: pods that end, and what becomes of the job when they do."""

from __future__ import annotations

from tests.doubles.kubernetes.controllers.replicas import make_pod, pods_of
from tests.doubles.kubernetes.making import random_name
from tests.doubles.kubernetes.pods import is_going
from tests.doubles.kubernetes.store import Object, now
from tests.doubles.kubernetes.world import World, condition, with_conditions

_KEY = "jobs.batch"


def reconcile(world: World) -> None:
    for item in world.store.list(_KEY):
        if not is_going(item) and not _ended(item):
            _reconcile(world, item)


def _ended(item: Object) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or ()
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


def _reconcile(world: World, item: Object) -> None:
    spec, metadata = item["spec"], item["metadata"]
    pods = [pod for pod in pods_of(world, item) if not is_going(pod)]
    done = sum(pod["status"].get("phase") == "Succeeded" for pod in pods)
    failed = sum(pod["status"].get("phase") == "Failed" for pod in pods)
    active = [pod for pod in pods if pod["status"].get("phase") not in ("Succeeded", "Failed")]
    status = item.get("status") or {}
    conditions: list[Object] = []
    if done >= spec["completions"]:
        conditions = [
            condition("SuccessCriteriaMet", "True", "CompletionsReached", "Reached expected number of succeeded pods"),
            condition("Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods"),
        ]
    elif failed > spec["backoffLimit"]:
        said = "Job has reached the specified backoff limit"
        conditions = [
            condition("FailureTarget", "True", "BackoffLimitExceeded", said),
            condition("Failed", "True", "BackoffLimitExceeded", said),
        ]
    elif not spec["suspend"]:
        for _ in range(min(spec["parallelism"], spec["completions"] - done) - len(active)):
            made = make_pod(world, item, f"{metadata['name']}-{random_name()}")
            if made:
                active.append(made)
    world.status(
        _KEY,
        item,
        startTime=status.get("startTime") or now(),
        active=None if conditions else len(active) or None,
        ready=0,
        succeeded=done or None,
        failed=failed or None,
        terminating=0,
        uncountedTerminatedPods={},
        completionTime=now() if done >= spec["completions"] else None,
        conditions=with_conditions(status, *conditions) if conditions else None,
    )
