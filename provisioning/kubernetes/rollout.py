"""A release on its way: which of its pods are ready, told while they become so, and what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from provisioning.kubernetes.charts import ReleaseSpec
from provisioning.kubernetes.kubectl import Kubectl, Object
from provisioning.kubernetes.reasons import is_ready, reason
from provisioning.run import Cancelled, RunError, Step

# Between two looks at the pods of a release that is being installed.
LOOK_S = 5.0


class Outcome(StrEnum):
    UNCHANGED = "unchanged"
    INSTALLED = "installed"
    UPGRADED = "upgraded"
    RETURNED = "returned"
    FAILED = "failed"
    NOT_BEGUN = "not begun"


@dataclass(frozen=True)
class Ensured:
    """What was done with one release. Revisions are Helm's, 0 where there is none; ``tag`` is our image's."""

    name: str
    namespace: str
    outcome: Outcome
    before: int
    after: int
    chart: str
    tag: str | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@asynccontextmanager
async def told(step: Step, kubectl: Kubectl, spec: ReleaseSpec) -> AsyncIterator[None]:
    """Says, while this is open, how many of the release's pods are ready, whenever that has changed."""
    looking = asyncio.create_task(_look(step, kubectl, spec))
    try:
        yield
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


def readiness(pods: Sequence[Object]) -> str:
    """``1 of 2 pods ready``, with what the first of the others waits for; "" where there are none."""
    own = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and not _is_over(pod)]
    if not own:
        return ""
    waiting = [pod for pod in own if not is_ready(pod)]
    text = f"{len(own) - len(waiting)} of {len(own)} pods ready"
    return f"{text}; {waiting[0]['metadata']['name']} {reason(waiting[0])}" if waiting else text


def _is_over(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") == "Succeeded"


async def _look(step: Step, kubectl: Kubectl, spec: ReleaseSpec) -> None:
    said = ""
    words = ("get", "pods", "--namespace", spec.namespace, "--selector", f"app.kubernetes.io/instance={spec.name}")
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            pods = json.loads(await asyncio.to_thread(kubectl.run, step, *words, "-o", "json"))["items"]
        except (RunError, Cancelled):
            # Helm itself waits; this only tells, and tells again when the API server answers again.
            continue
        if (now := readiness(pods)) and now != said:
            step.say(f"{spec.name}: {now}")
            said = now
