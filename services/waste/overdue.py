"""Scans that no worker finishes in time: queued again once, then failed.

    stored, or queued with an upload --half the deadline--> queued again --the deadline--> failed, ``deadline_exceeded``
    queued ----------------------------------------------------------------the deadline--> failed, ``deadline_exceeded``

Only a scan whose picture is in the store can be queued again, or one that imports an upload: the bytes of a photo that
was sent to us are in the storage worker's queue and nowhere here. The task keeps its id. A worker that has it runs it
once, and one that had finished it tells its result once more, so this also brings back an answer whose event was lost.
Another worker, whose journal does not know the task, may run it a second time; the first answer stays.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from peewee import fn

from services.waste import metrics
from services.waste.scans import ENDED, LATE
from services.waste.tables import Scan

AT_ONCE = 100
"""Scans that are queued again at a time: where a long queue is the reason, it must not double in one stroke."""

_UNFINISHED = Scan.state.in_(("queued", "stored"))


def requeue(deadline_s: float, queue: Callable[[Scan], None]) -> list[str]:
    """Queue again, each once, what can be and is not finished after half of `deadline_s` seconds, the oldest first.

    `queue` publishes the task of a scan. What it raises leaves all as it was, to be tried again. Returns the ids.
    """
    kept = (Scan.state == "stored") | ((Scan.state == "queued") & Scan.imported)
    late = _UNFINISHED & kept & Scan.requeued_at.is_null() & (Scan.created_at < _ago(deadline_s / 2))
    oldest = Scan.select(Scan.id).where(late).order_by(Scan.created_at).limit(AT_ONCE)
    # `late` once more: another service of this kind, for whose rows this one waits, may have taken them.
    taken = Scan.update(requeued_at=fn.now()).where(Scan.id.in_(oldest) & late)
    with Scan._meta.database.atomic():
        found = list(taken.returning(Scan).execute())
        for scan in found:
            queue(scan)
    return [str(scan.id) for scan in found]


def fail(deadline_s: float) -> list[str]:
    """Fail what no worker has finished within `deadline_s` seconds. Returns the scans' ids."""
    overdue = Scan.update(
        state="failed",
        stage="failed",
        error_code=LATE,
        error_detail=f"No worker finished this within {deadline_s:g} seconds. Send the photo again.",
        finished_at=fn.now(),
        updated_at=fn.now(),
    ).where(_UNFINISHED & (Scan.created_at < _ago(deadline_s)))
    failed = list(overdue.returning(*ENDED).execute())
    for scan in failed:
        metrics.ended(scan)
    return [str(scan.id) for scan in failed]


def _ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
