"""Korean time and Korean days: which of the eight kinds of day it is, on which opening hours depend.

Public holidays, with the lunar ones (Seollal, Chuseok, Buddha's birthday) and the substitute days, come from
the package ``holidays``. A holiday that the government calls at short notice is known when the package is.
"""

from datetime import date, datetime, timedelta, timezone
from functools import cache

import holidays

SEOUL = timezone(timedelta(hours=9), "KST")  # without summer time since 1988
HOLIDAY = 7  # the kind of day after Monday 0 … Sunday 6


def now() -> datetime:
    return datetime.now(SEOUL)


def holiday(day: date) -> str | None:
    """The Korean name of the public holiday, None on any other day."""
    name: str | None = _calendar().get(day)
    return name


def kind_of_day(day: date) -> int:
    """0 to 6 for Monday to Sunday, `HOLIDAY` for a public holiday, whatever its weekday."""
    return HOLIDAY if holiday(day) else day.weekday()


@cache
def _calendar() -> holidays.HolidayBase:
    return holidays.country_holidays("KR", language="ko")
