"""Activities: the scans of a user. Each counts once, whoever tells of it how often, at what time and in what order."""

from datetime import UTC, datetime
from typing import Annotated, Any

from peewee import fn
from pydantic import AwareDatetime, BaseModel, Field

from services.kernel.arguments import Id, checked, missing, parse
from services.userinfo import characters, erasure, locks, metrics, points
from services.userinfo.tables import Activity, DeletedScan, Points

UserId = Annotated[str, Id("user")]
ScanId = Annotated[str, Id("activity")]
Word = Annotated[str, Field(max_length=100)]


class ScanCompleted(BaseModel):
    """Waste's event. Its other fields are not ours."""

    scan_id: ScanId
    owner: UserId | None
    item_id: Word | None
    major: Word | None
    kind: Word | None
    confidence: Annotated[float, Field(ge=0, le=1)] | None
    insufficiencies: Annotated[list[Word], Field(max_length=100)]
    completed_at: AwareDatetime

    @property
    def points(self) -> int:
        """Earned by what goes into recycling as it is; nothing for what is dirty, mixed, unknown or no recyclable."""
        clean = self.major == "recyclable" and self.kind and self.item_id and not self.insufficiencies
        return points.FOR_A_CLEAN_RECYCLABLE if clean else 0


class ScanDeleted(BaseModel):
    """Waste's event. Its other fields are not ours."""

    scan_id: ScanId
    owner: UserId | None


def record(event: object) -> bool:
    """Record a finished scan, its points and its character, once; false when it is known, nobody's or an erased user's.

    A scan that was deleted before this is heard was finished before it was deleted: it is not recorded, but leaves the
    ledger and the characters as they would be had both been heard in order.
    """
    scan = parse(ScanCompleted, event)
    if scan.owner is None:
        return False
    rewards: list[metrics.Reward] = []
    with Activity._meta.database.atomic():
        locks.take_user(scan.owner)
        locks.take_scan(scan.scan_id)
        if erasure.is_erased(scan.owner):
            return False
        deleted = DeletedScan.select().where(DeletedScan.scan_id == scan.scan_id).exists()
        new = not deleted and _insert(scan)
        if scan.points and (new or deleted):
            rewards += _reward(scan, scan.owner)
        if deleted and points.take_back(scan.scan_id):
            rewards.append("points_taken_back")
    metrics.granted(*rewards)
    return new


def forget(event: object) -> bool:
    """Take a deleted scan out of the history and take its points back; false when it was not there."""
    scan = parse(ScanDeleted, event)
    with Activity._meta.database.atomic():
        if owner := scan.owner or _owner(scan.scan_id):
            locks.take_user(owner)
        locks.take_scan(scan.scan_id)
        DeletedScan.insert(scan_id=scan.scan_id).on_conflict_ignore().execute()
        gone = Activity.delete().where(Activity.scan_id == scan.scan_id).execute()
        taken_back = points.take_back(scan.scan_id)
    if taken_back:
        metrics.granted("points_taken_back")
    return bool(gone)


@checked
def history(
    user_id: UserId, limit: Annotated[int, Field(ge=1, le=100)] = 20, before: ScanId | None = None
) -> dict[str, Any]:
    """``{"activities", "next"}``: the latest first; `next` is the `before` of the following page, or None.

    Raises `NotFound` ``activity_not_found`` when `before` is no scan of this user.
    """
    mine = Activity.select().where(Activity.user_id == user_id)
    if before is not None:
        last = mine.where(Activity.scan_id == before).first()
        if last is None:
            raise missing("activity")
        position = fn.ROW(Activity.completed_at, Activity.scan_id)
        mine = mine.where(position < fn.ROW(last.completed_at, last.scan_id))
    found = list(mine.order_by(Activity.completed_at.desc(), Activity.scan_id.desc()).limit(limit + 1))
    page = found[:limit]
    return {
        "activities": [_as_dict(activity) for activity in page],
        "next": str(page[-1].scan_id) if len(found) > limit else None,
    }


def _insert(scan: ScanCompleted) -> bool:
    row = scan.model_dump(exclude={"owner"})
    recorded = Activity.insert(**row, user_id=scan.owner, points=scan.points, recorded_at=datetime.now(UTC))
    return bool(recorded.on_conflict_ignore().as_rowcount().execute())


def _reward(scan: ScanCompleted, owner: str) -> list[metrics.Reward]:
    """Returns what is new."""
    if not scan.kind or not points.earn(owner, scan.scan_id, scan.completed_at):
        return []
    award = characters.award(owner, scan.kind, scan.scan_id, scan.completed_at)
    return ["points", "character"] if award else ["points"]


def _owner(scan_id: str) -> str | None:
    """Whose scan it is, where the event does not say."""
    activity = Activity.get_or_none(Activity.scan_id == scan_id)
    entry = activity or Points.get_or_none(Points.scan_id == scan_id)
    return str(entry.user_id) if entry else None


def _as_dict(activity: Activity) -> dict[str, Any]:
    return {
        "scan_id": str(activity.scan_id),
        "item_id": activity.item_id,
        "major": activity.major,
        "kind": activity.kind,
        "confidence": activity.confidence,
        "insufficiencies": activity.insufficiencies,
        "points": activity.points,
        "completed_at": activity.completed_at.isoformat(),
    }
