"""How scans go: one that its owner deletes, and all of a user who is gone.

A scan that was sent without signing in has no owner: nobody can delete it, for to know its id is enough to read it and
no proof of having sent it. Whoever deletes tells the event ``scan_deleted`` and queues the deletion of the picture,
inside the transaction: what cannot be told does not happen, for the traces elsewhere would stay for ever.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from services.kernel.arguments import Id, checked, missing
from services.waste import scans, uploads
from services.waste.tables import Erasure, Feedback, Scan

Owner = Annotated[str, Id("user")]
ScanId = Annotated[str, Id("scan")]

AT_ONCE = 100
"""Scans that are erased in one transaction."""
TOKENS_LIVE = timedelta(days=1)
"""Longer than any token: after it nobody can bring a scan in the name of a user who is gone."""


@dataclass(frozen=True)
class Told:
    """Who must hear of a deletion. Each raises when that cannot be.

    `deleted` dispatches ``scan_deleted``, `picture` queues the deletion of the object of a key, `progress` forgets what
    was told of a scan while it ran.
    """

    deleted: Callable[[dict[str, Any]], None]
    picture: Callable[[str], None]
    progress: Callable[[str], None]


@checked
def delete(scan_id: ScanId, viewer: Owner | None, told: Told) -> None:
    """Delete the scan with its answer, feedback and picture. Raises `NotFound` when it is not the viewer's own."""
    own = (Scan.id == scan_id) & Scan.owner.is_null(False) & (Scan.owner == viewer)
    if not _delete(own, told):
        raise missing("scan")


def picture_came_late(scan_id: str, image_key: str, told: Told) -> bool:
    """A picture was stored. Where its scan was deleted or has failed meanwhile, nobody shows it: it goes."""
    if scans.shows(scan_id, image_key):
        return False
    told.picture(image_key)
    return True


def erase(user_id: str, told: Told) -> int:
    """Erase what is a user's: scans, uploads, feedback. Returns how many scans; once more does no harm.

    What still comes in the user's name, from a request under way, `erase_again` finds.
    """
    gone = uuid.UUID(user_id)
    Erasure.insert(user_id=gone).on_conflict_ignore().execute()
    return _erase(gone, told)


def erase_again(told: Told) -> int:
    """Erase what came in the name of users after they were gone. Returns how many scans that were."""
    Erasure.delete().where(Erasure.asked_at < datetime.now(UTC) - TOKENS_LIVE).execute()
    return sum(_erase(user.user_id, told) for user in list(Erasure.select()))


def _erase(user_id: uuid.UUID, told: Told) -> int:
    uploads.erase(str(user_id), told.picture)
    Feedback.delete().where(Feedback.viewer == user_id).execute()
    erased = 0
    while gone := _delete(Scan.id.in_(Scan.select(Scan.id).where(Scan.owner == user_id).limit(AT_ONCE)), told):
        erased += gone
    return erased


def _delete(which: Any, told: Told) -> int:
    with Scan._meta.database.atomic():
        gone = list(Scan.delete().where(which).returning(Scan.id, Scan.owner, Scan.image_key).execute())
        for scan in gone:
            told.deleted({"scan_id": str(scan.id), "owner": str(scan.owner), "image_key": scan.image_key})
            if scan.image_key is not None and not _shown_by_another(scan.image_key):
                told.picture(scan.image_key)
    for scan in gone:
        told.progress(str(scan.id))
    return len(gone)


def _shown_by_another(image_key: str) -> bool:
    """Keys were once made from the content alone: old scans of equal photos share a picture."""
    return bool(Scan.select().where(Scan.image_key == image_key).exists())
