"""Days and weeks as people in Korea count them: Seoul's time, weeks that begin on Monday (ISO 8601)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")
ALL_TIME = date.min
"""Stands for all weeks together among the Mondays of the table ``scores``; it is a Monday itself."""


def today() -> date:
    return datetime.now(SEOUL).date()


def monday(day: date) -> date:
    """The first day of the week of `day`."""
    return day - timedelta(days=day.weekday())


def name(day: date) -> str:
    """The week of `day`, as ``2026-W48``. The year is the week's: 1 January may be in the last week of the old one."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def begins(day: date) -> datetime:
    """The moment at which `day` begins in Seoul."""
    return datetime.combine(day, time(), SEOUL).astimezone(UTC)
