"""Statistics of a user over a period: scans by class, by kind and by week, and what they have saved."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from services.kernel.arguments import Id, checked
from services.kernel.errors import Unprocessable
from services.userinfo import savings, weeks
from services.userinfo.tables import Activity

COUNTS = Path(__file__).with_name("statistics.sql").read_text(encoding="utf-8")
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)


def _real(text: str) -> str:
    if not EARLIEST <= date.fromisoformat(text) <= LATEST:  # what is no day raises ValueError too
        raise ValueError(f"give a day from {EARLIEST} to {LATEST}")
    return text


UserId = Annotated[str, Id("user")]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_real)]
"""A day in Seoul, ``2026-11-23``."""


@dataclass(frozen=True)
class Count:
    """Scans of one item in one week; `clean` of them were recyclables with nothing to be put right."""

    week: date
    major: str | None
    kind: str | None
    item_id: str | None
    scans: int
    clean: int
    points: int


@checked
def of_period(
    user_id: UserId, since: Day | None = None, until: Day | None = None, *, default_days: int, most_days: int
) -> dict[str, Any]:
    """The days `since` to `until`, both included; by default the `default_days` that end today.

    Raises `Unprocessable` ``period_invalid`` for one that ends before it begins or is longer than `most_days`.
    """
    last = date.fromisoformat(until) if until else weeks.today()
    first = date.fromisoformat(since) if since else last - timedelta(days=default_days - 1)
    if not 1 <= (last - first).days + 1 <= most_days:
        raise _invalid(f"give 1 to {most_days} days; this is {first} to {last}")
    counts = list(_counts(user_id, first, last))
    clean: Counter[tuple[str | None, str | None]] = Counter()
    for count in counts:
        clean[count.kind, count.item_id] += count.clean
    return {
        "since": first.isoformat(),
        "until": last.isoformat(),
        "scans": sum(count.scans for count in counts),
        "clean": sum(count.clean for count in counts),
        "points": sum(count.points for count in counts),
        "by_major": _grouped(counts, "major"),
        "by_kind": _grouped([count for count in counts if count.kind is not None], "kind"),
        "by_week": _weekly(counts, first, last),
        "savings": savings.saved(+clean),
    }


def _counts(user_id: str, first: date, last: date) -> Iterator[Count]:
    period = {"since": weeks.begins(first), "until": weeks.begins(last + timedelta(days=1))}
    rows = Activity._meta.database.execute_sql(COUNTS, {"user_id": user_id, **period})
    return (Count(*row) for row in rows.fetchall())


def _grouped(counts: list[Count], field: str) -> list[dict[str, Any]]:
    """The most scanned first; null is what was not recognised."""
    scans: Counter[str | None] = Counter()
    clean: Counter[str | None] = Counter()
    for count in counts:
        scans[getattr(count, field)] += count.scans
        clean[getattr(count, field)] += count.clean
    found = sorted(scans.items(), key=lambda entry: (-entry[1], entry[0] or ""))
    return [{field: name, "scans": times, "clean": clean[name]} for name, times in found]


def _weekly(counts: list[Count], first: date, last: date) -> list[dict[str, Any]]:
    """Each week that the period touches, the oldest first, also those without scans."""
    mondays = []
    day = weeks.monday(first)
    while day <= last:
        mondays.append(day)
        day += timedelta(days=7)
    sums = {monday: {"scans": 0, "clean": 0, "points": 0} for monday in mondays}
    for count in counts:
        for field in ("scans", "clean", "points"):
            sums[count.week][field] += getattr(count, field)
    return [{"week": weeks.name(monday), "begins": monday.isoformat(), **sums[monday]} for monday in mondays]


def _invalid(message: str) -> Unprocessable:
    return Unprocessable("period_invalid", message, [{"field": "since", "message": message}])
