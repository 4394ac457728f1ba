"""Activities: the scans of a user, and the points they earned."""

from datetime import UTC, datetime
from typing import Annotated, Any

from peewee import fn
from pydantic import AwareDatetime, BaseModel, Field

from services.kernel.arguments import Id, checked, missing, parse
from services.userinfo.tables import Activity

POINTS_FOR_A_CLEAN_RECYCLABLE = 10

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
    insufficiencies: list[Any]
    completed_at: AwareDatetime

    @property
    def points(self) -> int:
        """Earned by what goes into recycling as it is; nothing for what is dirty, mixed or no recyclable."""
        clean = self.major == "recyclable" and self.kind and not self.insufficiencies
        return POINTS_FOR_A_CLEAN_RECYCLABLE if clean else 0


def record(event: object) -> bool:
    """Record a finished scan and its points, once; false when it is known, or nobody's."""
    scan = parse(ScanCompleted, event)
    if scan.owner is None:
        return False
    row = scan.model_dump(exclude={"owner"})
    # One statement, so that a scan and its points are there together, and the key lets each in once.
    recorded = Activity.insert(**row, user_id=scan.owner, points=scan.points, recorded_at=datetime.now(UTC))
    return bool(recorded.on_conflict_ignore().as_rowcount().execute())


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


@checked
def points(user_id: UserId) -> dict[str, int]:
    """``{"total", "scans"}``; zeros for a user without scans."""
    sums = Activity.select(fn.COALESCE(fn.SUM(Activity.points), 0), fn.COUNT(Activity.scan_id))
    total, scans = sums.where(Activity.user_id == user_id).scalar(as_tuple=True)
    return {"total": int(total), "scans": scans}


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
