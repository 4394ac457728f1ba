"""What a user has scanned, page by page. A scan that was sent without signing in stands in no history."""

from typing import Annotated, Any

from peewee import fn
from pydantic import Field

from services.kernel import cursors
from services.kernel.arguments import Id, Line, checked
from services.waste.tables import Scan
from services.waste.views import image_url, status

Owner = Annotated[str, Id("user")]
Word = Annotated[str, Line(1, 100)]


@checked
def scans_of(
    owner: Owner,
    cdn_url: str,
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
    cursor: str | None = None,
    major: Word | None = None,
    item_id: Word | None = None,
) -> dict[str, Any]:
    """``{"scans", "next"}``: the latest first; `next` is the `cursor` of the following page, or None.

    `major` and `item_id` leave only the scans whose answer is that. Raises `Unprocessable` ``cursor_invalid``.
    """
    mine = Scan.select().where(Scan.owner == owner)
    if major is not None:
        mine = mine.where(Scan.result["major"] == major)
    if item_id is not None:
        mine = mine.where(Scan.result["item_id"] == item_id)
    if cursor is not None:
        mine = mine.where(fn.ROW(Scan.created_at, Scan.id) < fn.ROW(*cursors.moment(cursor, owner)))
    found = list(mine.order_by(Scan.created_at.desc(), Scan.id.desc()).limit(limit + 1))
    page = found[:limit]
    return {
        "scans": [_line(scan, cdn_url) for scan in page],
        "next": cursors.at_moment(page[-1].created_at, page[-1].id, owner) if len(found) > limit else None,
    }


def _line(scan: Scan, cdn_url: str) -> dict[str, Any]:
    result = scan.result or {}
    return {
        "scan_id": str(scan.id),
        "status": status(scan),
        "created_at": scan.created_at.isoformat(),
        "item_id": result.get("item_id"),
        "name": (result.get("disposal") or {}).get("name"),
        "major": result.get("major"),
        "kind": result.get("kind"),
        "confidence": result.get("confidence"),
        "image_url": image_url(scan, cdn_url),
    }
