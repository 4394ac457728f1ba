"""The life of a scan: queued -> stored -> completed or failed. Every change is one guarded statement.

The workers' events may come twice or late; a change that does not fit the present state does nothing.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from peewee import fn

from services.kernel.errors import NotFound
from services.waste import metrics
from services.waste.tables import Scan

STAGES = {"queued": 0, "stored": 10, "vision": 40, "rules": 55, "answer": 90}
"""The stages of every scan, in order, with the percentage at which each is done."""

LATE = "deadline_exceeded"
KEYS_LAST = timedelta(hours=24)
ENDED = (Scan.id, Scan.state, Scan.error_code, Scan.created_at, Scan.finished_at)
"""What is counted of a scan that ends."""


def find(scan_id: str, viewer: str | None) -> Scan:
    """The scan, if `viewer` may see it. Raises `NotFound` for others' scans as for none."""
    scan = Scan.get_or_none(Scan.id == _uuid(scan_id))
    if scan is None or (scan.owner is not None and str(scan.owner) != viewer):
        raise NotFound("scan_not_found", f"There is no scan {scan_id[:40]}.")
    found: Scan = scan
    return found


@dataclass(frozen=True)
class Picture:
    """What is known of a stored picture: its key, and of an imported one its size."""

    key: str
    bytes: int | None = None
    width: int | None = None
    height: int | None = None


def mark_stored(scan_id: str, picture: Picture) -> Scan | None:
    """The picture is in the store. Returns the scan while it still waits for its answer, else None."""
    size = {"image_bytes": picture.bytes, "image_width": picture.width, "image_height": picture.height}
    _change(
        scan_id,
        Scan.state == "queued",
        state="stored",
        stage="stored",
        percent=STAGES["stored"],
        image_key=picture.key,
        **{side: value for side, value in size.items() if value is not None},
    )
    scan: Scan | None = Scan.get_or_none((Scan.id == _uuid(scan_id)) & (Scan.state == "stored"))
    return scan


def mark_progress(scan_id: str, stage: str) -> bool:
    """A stage is done. A stage that was passed already changes nothing. Returns whether there is such a scan."""
    percent = STAGES[stage]
    return _change(
        scan_id, (Scan.state == "stored") & (Scan.percent < percent), stage=stage, percent=percent
    ) or _there(scan_id, True)


def complete(scan_id: str, result: dict[str, Any]) -> Scan | None:
    """The answer is here. It also replaces "too late", never an answer that was given.

    Returns the completed scan; None when it was deleted meanwhile or has failed.
    """
    open_states = (Scan.state == "stored") | ((Scan.state == "failed") & (Scan.error_code == LATE))
    if _end(
        scan_id,
        open_states & Scan.image_key.is_null(False),
        state="completed",
        stage="done",
        percent=100,
        result=result,
        error_code=None,
        error_detail=None,
    ):
        metrics.classified(result)
    scan: Scan | None = Scan.get_or_none((Scan.id == _uuid(scan_id)) & (Scan.state == "completed"))
    return scan


def classification(scan: Scan) -> dict[str, Any]:
    """The AI worker's task for a stored scan."""
    return {
        "scan_id": str(scan.id),
        "image_key": scan.image_key,
        "language": scan.language,
        "region": scan.region,
    }


def shows(scan_id: str, image_key: str) -> bool:
    """Whether the scan is there and its picture is this one."""
    return _there(scan_id, Scan.image_key == image_key)


def fail(scan_id: str, code: str, detail: str, states: tuple[str, ...] = ("queued", "stored")) -> bool:
    """A worker has given up a scan in one of the `states`. Returns whether it has failed, by this or before."""
    return _end(
        scan_id,
        Scan.state.in_(states),
        state="failed",
        stage="failed",
        error_code=code[:100],
        error_detail=detail[:500],
    ) or _there(scan_id, Scan.state == "failed")


def forget_keys() -> int:
    """Let idempotency keys go that are older than a day. Returns how many."""
    old = Scan.idempotency_key.is_null(False) & (Scan.created_at < _ago(KEYS_LAST))
    forgotten: int = Scan.update(idempotency_key=None).where(old).execute()
    return forgotten


def _change(scan_id: str, guard: Any, **values: Any) -> bool:
    return bool(Scan.update(**values, updated_at=fn.now()).where((Scan.id == _uuid(scan_id)) & guard).execute())


def _end(scan_id: str, guard: Any, **values: Any) -> bool:
    """A change that ends the scan, and counts it where it does."""
    ending = Scan.update(**values, finished_at=fn.now(), updated_at=fn.now()).where((Scan.id == _uuid(scan_id)) & guard)
    ended = list(ending.returning(*ENDED).execute())
    for scan in ended:
        metrics.ended(scan)
    return bool(ended)


def _there(scan_id: str, guard: Any) -> bool:
    return bool(Scan.select().where((Scan.id == _uuid(scan_id)) & guard).exists())


def _uuid(scan_id: str) -> uuid.UUID:
    try:
        return uuid.UUID(scan_id)
    except (ValueError, AttributeError, TypeError):
        raise NotFound("scan_not_found", f"There is no scan {str(scan_id)[:40]}.") from None


def _ago(span: timedelta) -> datetime:
    return datetime.now(UTC) - span
