"""The leaderboard: the most points of the week or of all time, among those who have chosen to be seen.

It shows nicknames and points, no ids and no pictures. Whoever has not chosen it is on no list and counts in nobody's
rank; one's own rank is told to oneself alone, also to those who are not seen: the place they would have.
"""

from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from services.kernel.arguments import Id, checked
from services.userinfo import points, weeks
from services.userinfo.tables import Profile, Score

TOP = Path(__file__).with_name("leaderboard_top.sql").read_text(encoding="utf-8")
ABOVE = Path(__file__).with_name("leaderboard_above.sql").read_text(encoding="utf-8")

Period = Literal["week", "all"]
Viewer = Annotated[str, Id("user")] | None


@checked
def top(
    viewer: Viewer = None, period: Period = "week", limit: Annotated[int, Field(ge=1, le=100)] = 20
) -> dict[str, Any]:
    """``{"period", "week", "entries", "me"}``; `week` (``2026-W48``) is null for all time, `me` without a viewer.

    Equal points are an equal rank, and the ranks behind it are skipped: 1, 2, 2, 4.
    """
    week = weeks.ALL_TIME if period == "all" else weeks.monday(weeks.today())
    rows = Score._meta.database.execute_sql(TOP, {"week": week, "limit": limit}).fetchall()
    ranked: list[dict[str, Any]] = []
    for score, equals in groupby(rows, key=lambda row: row[2]):
        rank = len(ranked) + 1
        ranked += [
            {"rank": rank, "nickname": nickname, "points": score, "me": str(user_id) == viewer}
            for user_id, nickname, _ in equals
        ]
    return {
        "period": period,
        "week": None if period == "all" else weeks.name(week),
        "entries": ranked,
        "me": _own(viewer, week) if viewer else None,
    }


def _own(viewer: str, week: Any) -> dict[str, Any]:
    mine = points.of_week(viewer, week)
    [above] = Score._meta.database.execute_sql(ABOVE, {"week": week, "points": mine}).fetchone()
    shown = Profile.select().where((Profile.user_id == viewer) & Profile.on_leaderboard).exists()
    return {"rank": above + 1, "points": mine, "shown": shown}
