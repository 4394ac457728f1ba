"""What a user has scanned, page by page, and how a scan is deleted.

A scan that was sent without signing in has no owner: it stands in no history, and nobody can delete it, for to
know its id is enough to read it and no proof of having sent it.
"""

from collections.abc import Callable
from typing import Annotated, Any

from peewee import fn
from pydantic import Field

from services.kernel.arguments import Id, Line, checked, missing
from services.waste.cursor import Cursor
from services.waste.scans import image_url, status
from services.waste.tables import Scan

Owner = Annotated[str, Id("user")]
ScanId = Annotated[str, Id("scan")]
Word = Annotated[str, Line(1, 100)]
Tell = Callable[[dict[str, Any]], None]
"""Dispatches an event, and raises when that cannot be."""


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
        last = Cursor.decode(cursor, owner)
        mine = mine.where(fn.ROW(Scan.created_at, Scan.id) < fn.ROW(last.created_at, last.scan_id))
    found = list(mine.order_by(Scan.created_at.desc(), Scan.id.desc()).limit(limit + 1))
    page = found[:limit]
    return {
        "scans": [_line(scan, cdn_url) for scan in page],
        "next": Cursor(page[-1].created_at, page[-1].id).encode(owner) if len(found) > limit else None,
    }


@checked
def delete(scan_id: ScanId, viewer: Owner | None, tell: Tell) -> None:
    """Delete the scan with its answer and feedback; `tell` is given the event ``scan_deleted``.

    Raises `NotFound` when it is not the viewer's own. What `tell` raises undoes the deletion: a deletion that
    nobody heard of would leave the traces of the scan elsewhere for ever.
    """
    with Scan._meta.database.atomic():
        own = (Scan.id == scan_id) & Scan.owner.is_null(False) & (Scan.owner == viewer)
        gone = next(iter(Scan.delete().where(own).returning(Scan.id, Scan.owner, Scan.image_key).execute()), None)
        if gone is None:
            raise missing("scan")
        tell(_deletion(str(gone.id), str(gone.owner), gone.image_key))


def picture_came_late(scan_id: str, image_key: str, tell: Tell) -> bool:
    """The picture of `scan_id` was stored; where the scan was deleted before, tell it again, now with the key."""
    with Scan._meta.database.atomic():
        if Scan.select().where(Scan.id == scan_id).exists():
            return False
        tell(_deletion(scan_id, None, image_key))
        return True


def _deletion(scan_id: str, owner: str | None, image_key: str | None) -> dict[str, Any]:
    """What others hear of a deleted scan, inside the transaction that deletes it.

    `image_key` is null while no picture was stored. `image_shared`: another scan shows the same picture (keys are
    made from its content), so it must stay.
    """
    if image_key is not None:
        # Of two scans of one picture that go at once, the second waits here and then sees that the first is gone.
        lock = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
        Scan._meta.database.execute_sql(lock, (image_key,))
    return {
        "scan_id": scan_id,
        "owner": owner,
        "image_key": image_key,
        "image_shared": image_key is not None and Scan.select().where(Scan.image_key == image_key).exists(),
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
