"""A scan as others see it: its client, the history, other domains."""

from typing import Any

from services.waste.tables import Scan


def as_dict(scan: Scan, cdn_url: str) -> dict[str, Any]:
    """The scan as a client sees it."""
    image = {
        "bytes": scan.image_bytes,
        "width": scan.image_width,
        "height": scan.image_height,
        "key": scan.image_key,
        "url": image_url(scan, cdn_url),
    }
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
