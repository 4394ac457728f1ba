"""Opening hours: for each weekday and for public holidays, when a point is open.

Two texts tell them. People write ``평일 09:00~18:00, 토 10:00~14:00`` or ``24시간``; the exchange format is the common
part of OpenStreetMap's ``opening_hours``: ``Mo-Fr 09:00-18:00; Sa 10:00-14:00; PH off``. `parse` reads both.

Where nothing is said of public holidays, a point counts as closed on them, unless it is always open: better a
call too many than a way for nothing.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.location.korea import HOLIDAY, kind_of_day

Span = tuple[int, int]  # minutes since midnight, the end excluded; beyond 1440 lies the next day

DAY = 1440  # minutes
SLOT = 2 * DAY  # the minutes that each kind of day has in the column `opening`
WHOLE_DAY: tuple[Span, ...] = ((0, DAY),)
MAX_CHARACTERS = 500  # of a text that is read
CODES = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su", "PH")

_DAYS: dict[str, tuple[int, ...]] = {name: (number,) for number, name in enumerate("월화수목금토일")}
_DAYS |= {code.lower(): (number,) for number, code in enumerate(CODES)}
_DAYS |= {
    "평일": (0, 1, 2, 3, 4),
    "주중": (0, 1, 2, 3, 4),
    "주말": (5, 6),
    "매일": tuple(range(8)),
    "공휴일": (HOLIDAY,),
}
_DASHES = str.maketrans("–—∼〜～：", "--~~~:")
_CLOSED = "off|closed|휴무일?|정기휴무|휴관|휴일|미운영|운영안함"
_ALWAYS = re.compile(r"24/7|24시간(운영|개방|이용가능)?|상시(운영|개방|이용가능)?|연중무휴24시간|연중무휴", re.ASCII)
_TOKEN = re.compile(
    rf"(?P<time>\d{{1,2}}:\d{{2}})\s*[-~]\s*(?P<end>\d{{1,2}}:\d{{2}})"
    rf"|(?P<off>{_CLOSED})|(?P<always>24시간)"
    r"|(?P<day>평일|주중|주말|매일|공휴일|[월화수목금토일](?:요일)?|mo|tu|we|th|fr|sa|su|ph)"
    r"|(?P<to>[-~])|(?P<mark>[,;/·\s]+)",
    re.ASCII,
)


class Unreadable(ValueError):
    """The text does not tell hours in a way that is understood."""


@dataclass(frozen=True)
class Hours:
    """When a point is open: for Monday to Sunday and for holidays, spans in order that do not overlap."""

    days: tuple[tuple[Span, ...], ...]

    def __post_init__(self) -> None:
        if len(self.days) != len(CODES):
            raise Unreadable("there are eight kinds of days")
        for spans in self.days:
            bounds = [minute for span in spans for minute in span]
            if bounds != sorted(set(bounds)) or any(not 0 <= start < DAY or end > SLOT for start, end in spans):
                raise Unreadable("spans overlap, are empty, or lie outside of their day")

    def multirange(self) -> str:
        """As a literal of PostgreSQL's type int4multirange, see the column `opening`."""
        spans = (
            f"[{SLOT * day + start},{SLOT * day + end})" for day, spans in enumerate(self.days) for start, end in spans
        )
        return "{" + ",".join(spans) + "}"

    def text(self) -> str:
        """In the syntax of ``opening_hours``; `parse` reads it back."""
        if all(spans == WHOLE_DAY for spans in self.days):
            return "24/7"
        rules: list[tuple[int, int]] = []  # the first and last day with the same spans
        for day in range(HOLIDAY):
            if rules and self.days[rules[-1][0]] == self.days[day]:
                rules[-1] = (rules[-1][0], day)
            else:
                rules.append((day, day))
        named = [(CODES[a] if a == b else f"{CODES[a]}-{CODES[b]}", self.days[a]) for a, b in rules]
        return "; ".join(f"{days} {_times(spans)}" for days, spans in [*named, ("PH", self.days[HOLIDAY])])

    def open_at(self, at: datetime) -> bool:
        """Whether it is open at the Korean time `at`."""
        return any(start <= minute < end for day, minute in moments(at) for start, end in self.days[day])


def moments(at: datetime) -> tuple[tuple[int, int], tuple[int, int]]:
    """The Korean time `at` as (kind of day, minute): today's, and as the night of yesterday."""
    minute = at.hour * 60 + at.minute
    yesterday = at.date() - timedelta(days=1)
    return (kind_of_day(at.date()), minute), (kind_of_day(yesterday), DAY + minute)


def minutes(at: datetime) -> tuple[int, int]:
    """The two minutes of the column `opening` that hold `at`: a point with either is open."""
    today, night = (SLOT * day + minute for day, minute in moments(at))
    return today, night


def from_multirange(literal: str) -> Hours:
    """The hours that `Hours.multirange` has written."""
    days: list[list[Span]] = [[] for _ in CODES]
    for start, end in re.findall(r"\[(\d+),(\d+)\)", literal):
        day = int(start) // SLOT
        days[day].append((int(start) - SLOT * day, int(end) - SLOT * day))
    return Hours(tuple(tuple(spans) for spans in days))


def parse(text: str) -> Hours:
    """The hours that a text of at most 500 characters tells. Raises `Unreadable`."""
    text = re.sub(r"\s+", " ", text.strip().lower())[: MAX_CHARACTERS + 1]
    text = text.translate(_DASHES)
    if len(text) > MAX_CHARACTERS:
        raise Unreadable("too long")
    if _ALWAYS.fullmatch(text.replace(" ", "")):
        return Hours((WHOLE_DAY,) * len(CODES))
    told: dict[int, tuple[Span, ...]] = {}
    days: list[int] = []
    complete, reaching = True, False
    for token in _tokens(text):
        if day := token["day"]:
            if complete and not reaching:
                days, complete = [], False
            days = (
                _upto(days, _DAYS[day.removesuffix("요일")]) if reaching else [*days, *_DAYS[day.removesuffix("요일")]]
            )
            reaching = False
        elif token["to"]:
            if complete or reaching:
                raise Unreadable("a hyphen without two days")
            reaching = True
        else:
            span = () if token["off"] else WHOLE_DAY if token["always"] else (_span(token["time"], token["end"]),)
            if reaching:
                raise Unreadable("a hyphen without two days")
            for number in days or range(HOLIDAY):
                told[number] = (*told.get(number, ()), *span) if complete else span
            complete = True
    if not told or not complete:
        raise Unreadable("no hours")
    return Hours(tuple(told.get(day, ()) for day in range(len(CODES))))


def _tokens(text: str) -> list[re.Match[str]]:
    tokens, at = [], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise Unreadable(f"what does {text[at : at + 10]!r} mean?")
        if not token["mark"]:
            tokens.append(token)
        at = token.end()
    return tokens


def _upto(days: list[int], last: tuple[int, ...]) -> list[int]:
    if len(last) != 1 or last[0] == HOLIDAY or days[-1] == HOLIDAY:
        raise Unreadable("a hyphen stands between two weekdays")
    reach = (last[0] - days[-1]) % 7
    return [*days, *((days[-1] + step) % 7 for step in range(1, reach + 1))]


def _span(start: str, end: str) -> Span:
    first, last = _minute(start), _minute(end)
    if first == last:
        raise Unreadable("the same time twice: always or never?")
    if last == DAY - 1:
        last = DAY  # many sources write midnight as 23:59
    return first, last if last > first else last + DAY


def _minute(clock: str) -> int:
    hour, minute = (int(part) for part in clock.split(":"))
    if minute > 59 or hour * 60 + minute > DAY:
        raise Unreadable(f"{clock} is no time of day")
    return hour * 60 + minute


def _times(spans: tuple[Span, ...]) -> str:
    return ",".join(f"{_clock(start)}-{_clock(end if end <= DAY else end - DAY)}" for start, end in spans) or "off"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
