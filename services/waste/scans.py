"""The life of a scan: queued -> stored -> completed or failed. Every change is one guarded statement.

The workers' events may come twice or late; a change that does not fit the present state does nothing.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from peewee import EXCLUDED, SQL, fn
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from uuid6 import uuid7

from services.kernel.errors import NotFound, Unprocessable
from services.waste.tables import Scan

STAGES = {"queued": 0, "stored": 10, "vision": 40, "rules": 55, "answer": 90}
"""The stages of every scan, in order, with the percentage at which each is done."""

LATE = "deadline_exceeded"
KEYS_LAST = timedelta(hours=24)


class NewScan(BaseModel):
    """What the gateway knows of a photo it has checked. `request_sha256` is of the upload as it came."""

    model_config = ConfigDict(extra="forbid")

    owner: uuid.UUID | None = None
    scope: str = Field(min_length=1, max_length=100)
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=255)
    request_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    language: str = Field(pattern=r"^(ko|en)$")
    region: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,49}$")
    image_bytes: int = Field(gt=0)
    image_width: int = Field(gt=0)
    image_height: int = Field(gt=0)


@dataclass(frozen=True)
class Opened:
    """A scan for a photo. `wants_image`: its picture has not been stored yet, so (re)queue it."""

    scan_id: str
    created: bool
    wants_image: bool


def open_scan(request: dict[str, Any]) -> Opened:
    """A new scan, or the one that the same idempotency key has opened before.

    Raises `Unprocessable` (``idempotency_key_reused``) when the key came with another photo.
    """
    try:
        new = NewScan.model_validate(request)
    except ValidationError as error:
        raise Unprocessable("invalid_scan", str(error.errors()[0]["msg"])) from None
    scan = Scan.insert(
        id=uuid.UUID(int=uuid7().int),
        **new.model_dump(),
        state="queued",
        stage="queued",
        percent=STAGES["queued"],
    )
    if new.idempotency_key is None:
        row = next(iter(scan.returning(Scan).execute()))
        return Opened(str(row.id), created=True, wants_image=True)
    # DO UPDATE, though it changes nothing, so that RETURNING gives the row that was there.
    kept = scan.on_conflict(
        conflict_target=[Scan.scope, Scan.idempotency_key],
        conflict_where=Scan.idempotency_key.is_null(False),
        update={Scan.scope: EXCLUDED.scope},
    )
    row = next(iter(kept.returning(Scan, SQL("(xmax = 0)").alias("created")).execute()))
    if row.request_sha256 != new.request_sha256:
        raise Unprocessable(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another photo. Send a new key with a new photo.",
        )
    return Opened(str(row.id), created=row.created, wants_image=row.state == "queued")


def find(scan_id: str, viewer: str | None) -> Scan:
    """The scan, if `viewer` may see it. Raises `NotFound` for others' scans as for none."""
    scan = Scan.get_or_none(Scan.id == _uuid(scan_id))
    if scan is None or (scan.owner is not None and str(scan.owner) != viewer):
        raise NotFound("scan_not_found", f"There is no scan {scan_id[:40]}.")
    found: Scan = scan
    return found


def mark_stored(scan_id: str, image_key: str) -> Scan | None:
    """The picture is in the store. Returns the scan while it still waits for its answer, else None."""
    _change(
        scan_id, Scan.state == "queued", state="stored", stage="stored", percent=STAGES["stored"], image_key=image_key
    )
    scan: Scan | None = Scan.get_or_none((Scan.id == _uuid(scan_id)) & (Scan.state == "stored"))
    return scan


def mark_progress(scan_id: str, stage: str) -> None:
    """A stage is done. A stage that was passed already changes nothing."""
    percent = STAGES[stage]
    _change(scan_id, (Scan.state == "stored") & (Scan.percent < percent), stage=stage, percent=percent)


def complete(scan_id: str, result: dict[str, Any]) -> Scan | None:
    """The answer is here. It also replaces "too late", never an answer that was given.

    Returns the completed scan; None when it was deleted meanwhile or has failed.
    """
    open_states = (Scan.state == "stored") | ((Scan.state == "failed") & (Scan.error_code == LATE))
    _change(
        scan_id,
        open_states & Scan.image_key.is_null(False),
        state="completed",
        stage="done",
        percent=100,
        result=result,
        error_code=None,
        error_detail=None,
        finished_at=fn.now(),
    )
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


def fail(scan_id: str, code: str, detail: str) -> None:
    """A worker has given up."""
    unfinished = Scan.state.in_(("queued", "stored"))
    _change(
        scan_id, unfinished, state="failed", stage="failed", error_code=code, error_detail=detail, finished_at=fn.now()
    )


def forget_keys() -> int:
    """Let idempotency keys go that are older than a day. Returns how many."""
    old = Scan.idempotency_key.is_null(False) & (Scan.created_at < _ago(KEYS_LAST))
    forgotten: int = Scan.update(idempotency_key=None).where(old).execute()
    return forgotten


def as_dict(scan: Scan, cdn_url: str) -> dict[str, Any]:
    """The scan as a client sees it."""
    image: dict[str, Any] = {"bytes": scan.image_bytes, "width": scan.image_width, "height": scan.image_height}
    if scan.image_key:
        image |= {"key": scan.image_key, "url": image_url(scan, cdn_url)}
    error = {"code": scan.error_code, "detail": scan.error_detail} if scan.error_code else None
    return {
        "scan_id": str(scan.id),
        "status": status(scan),
        "stage": scan.stage,
        "percent": scan.percent,
        "created_at": scan.created_at.isoformat(),
        "finished_at": scan.finished_at.isoformat() if scan.finished_at else None,
        "image": image,
        "result": scan.result,
        "error": error,
    }


def status(scan: Scan) -> str:
    """``processing``, ``completed`` or ``failed``."""
    return scan.state if scan.state in ("completed", "failed") else "processing"


def image_url(scan: Scan, cdn_url: str) -> str | None:
    """Where the picture can be fetched; None while it is not stored."""
    return f"{cdn_url.rstrip('/')}/{scan.image_key}" if scan.image_key else None


def announcement(scan: Scan) -> dict[str, Any]:
    """What other domains hear of a completed scan."""
    result = scan.result or {}
    return {
        "scan_id": str(scan.id),
        "owner": str(scan.owner) if scan.owner else None,
        "item_id": result.get("item_id"),
        "major": result.get("major"),
        "kind": result.get("kind"),
        "confidence": result.get("confidence"),
        "insufficiencies": result.get("insufficiencies", []),
        "completed_at": scan.finished_at.isoformat() if scan.finished_at else None,
    }


def _change(scan_id: str, guard: Any, **values: Any) -> None:
    Scan.update(**values, updated_at=fn.now()).where((Scan.id == _uuid(scan_id)) & guard).execute()


def _uuid(scan_id: str) -> uuid.UUID:
    try:
        return uuid.UUID(scan_id)
    except (ValueError, AttributeError, TypeError):
        raise NotFound("scan_not_found", f"There is no scan {str(scan_id)[:40]}.") from None


def _ago(span: timedelta) -> datetime:
    return datetime.now(UTC) - span
