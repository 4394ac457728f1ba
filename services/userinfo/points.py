"""Points: a ledger that is only added to. What a user has is the sum of the entries.

**Points go with their scan.** Whoever deletes a scan gets a second entry that takes its points back. If they stayed,
one photo that is scanned, deleted and scanned again would earn without end and leave no trace of it in the history; so
the total is at any time what the scans in the history have earned. The entry counts in the week of the first one, so
that a deletion never leaves a week with less than nothing, and no later week pays for it. A character that a scan has
brought stays: there is one of each, and no second scan brings it again.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any

from peewee import SQL, fn
from pydantic import Field

from services.kernel.arguments import UUID, Id, checked, missing
from services.userinfo import weeks
from services.userinfo.tables import Activity, Points, Score

FOR_A_CLEAN_RECYCLABLE = 10

UserId = Annotated[str, Id("user")]

_ENTRY = re.compile(rf"(?P<scan>{UUID.pattern})\.(?P<reason>scan_completed|scan_deleted)", re.ASCII)


def earn(user_id: str, scan_id: str, at: datetime) -> bool:
    """Enter the points of a finished scan, once; false when they were entered before."""
    entry = Points.insert(
        scan_id=scan_id, reason="scan_completed", user_id=user_id, amount=FOR_A_CLEAN_RECYCLABLE, earned_at=at
    )
    return bool(entry.on_conflict_ignore().as_rowcount().execute())


def take_back(scan_id: str) -> bool:
    """Enter that the scan's points are gone, once; false when there are none, or it was entered before."""
    earned = Points.select(
        Points.scan_id, SQL("'scan_deleted'"), Points.user_id, Points.amount * -1, Points.earned_at
    ).where((Points.scan_id == scan_id) & (Points.reason == "scan_completed"))
    columns = [Points.scan_id, Points.reason, Points.user_id, Points.amount, Points.earned_at]
    return bool(Points.insert_from(earned, columns).on_conflict_ignore().as_rowcount().execute())


@checked
def total(user_id: UserId) -> dict[str, int]:
    """``{"total", "scans"}``; zeros for a user without scans."""
    scans = Activity.select().where(Activity.user_id == user_id).count()
    return {"total": of_week(user_id, weeks.ALL_TIME), "scans": scans}


def of_week(user_id: str, week: date) -> int:
    """What the user's entries of the week of this Monday (or of `weeks.ALL_TIME`) sum up to."""
    score = Score.get_or_none((Score.user_id == user_id) & (Score.week == week))
    return score.points if score else 0


@checked
def entries(
    user_id: UserId, limit: Annotated[int, Field(ge=1, le=100)] = 20, before: str | None = None
) -> dict[str, Any]:
    """``{"entries", "next"}``: the latest first; `next` is the `before` of the following page, or None.

    Raises `NotFound` ``entry_not_found`` when `before` is no entry of this user.
    """
    mine = Points.select().where(Points.user_id == user_id)
    if before is not None:
        last = _find(user_id, before)
        position = fn.ROW(Points.booked_at, Points.scan_id, Points.reason)
        mine = mine.where(position < fn.ROW(last.booked_at, last.scan_id, last.reason))
    order = (Points.booked_at.desc(), Points.scan_id.desc(), Points.reason.desc())
    found = list(mine.order_by(*order).limit(limit + 1))
    page = found[:limit]
    return {
        "entries": [_as_dict(entry) for entry in page],
        "next": f"{page[-1].scan_id}.{page[-1].reason}" if len(found) > limit else None,
    }


def _find(user_id: str, name: str) -> Points:
    named = _ENTRY.fullmatch(name)
    if named is None:
        raise missing("entry")
    own = (Points.user_id == user_id) & (Points.scan_id == named["scan"]) & (Points.reason == named["reason"])
    entry: Points | None = Points.get_or_none(own)
    if entry is None:
        raise missing("entry")
    return entry


def _as_dict(entry: Points) -> dict[str, Any]:
    return {
        "scan_id": str(entry.scan_id),
        "reason": entry.reason,
        "points": entry.amount,
        "earned_at": entry.earned_at.isoformat(),
        "booked_at": entry.booked_at.isoformat(),
    }
