"""Opening hours: what people write is read or refused, never guessed; a holiday is a day of its own."""

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.location import korea
from services.location.hours import DAY, Hours, Unreadable, from_multirange, minutes, parse


def kst(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=korea.SEOUL)


# 23:59 is read as midnight.
MINUTES = st.integers(0, DAY).filter(lambda minute: minute != DAY - 1)


@st.composite
def spans(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    bounds = sorted(draw(st.sets(MINUTES, max_size=6)))
    return tuple(zip(bounds[::2], bounds[1::2], strict=False))


any_hours = st.builds(Hours, st.tuples(*[spans()] * 8))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("09:00~18:00", "Mo-Su 09:00-18:00; PH off"),
        ("평일 09:00~18:00, 토 10:00~14:00", "Mo-Fr 09:00-18:00; Sa 10:00-14:00; Su off; PH off"),
        ("월–금 9:00 – 18:00", "Mo-Fr 09:00-18:00; Sa-Su off; PH off"),
        ("월요일~금요일 09:00~12:00, 13:00~18:00 / 공휴일 휴무", "Mo-Fr 09:00-12:00,13:00-18:00; Sa-Su off; PH off"),
        ("매일 10:00~20:00, 일 휴무", "Mo-Sa 10:00-20:00; Su off; PH 10:00-20:00"),
        ("금~월 22:00~02:00", "Mo 22:00-02:00; Tu-Th off; Fr-Su 22:00-02:00; PH off"),
        ("Mo-Fr 09:00-18:00; PH 10:00-12:00", "Mo-Fr 09:00-18:00; Sa-Su off; PH 10:00-12:00"),
        ("월,수,금 10:00~12:00", "Mo 10:00-12:00; Tu off; We 10:00-12:00; Th off; Fr 10:00-12:00; Sa-Su off; PH off"),
        ("24시간", "24/7"),
        ("연중무휴 24시간", "24/7"),
        ("00:00~23:59", "Mo-Su 00:00-24:00; PH off"),
    ],
)
def test_what_people_write_is_read(text: str, told: str) -> None:
    assert parse(text).text() == told


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "문의", "09:00", "25:00~26:00", "09:60~10:00", "09:00~18:00 (점심시간 제외)", "평일", "월~", "~금"),
        *(
            "월~ 09:00~10:00",
            "공휴일~월 09:00~10:00",
            "09:00~12:00, 11:00~13:00",
            "00:00~00:00",
            "٠٩:٠٠~١٨:٠٠",
            "월" * 300,
        ),
        *("\x00", "\ud800", "월 09:00~10:00 화", "일출~일몰"),
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        parse(text)


@given(any_hours)
def test_hours_survive_their_text_and_their_column(hours: Hours) -> None:
    assert from_multirange(hours.multirange()) == hours
    assert parse(hours.text()) == hours


@given(st.text(max_size=250))
def test_no_text_breaks_the_reading(text: str) -> None:
    try:
        hours = parse(text)
    except Unreadable:
        return
    assert parse(hours.text()) == hours


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-23T09:00", True),  # Monday
        ("2026-11-23T08:59", False),
        ("2026-11-23T17:59", True),
        ("2026-11-23T18:00", False),
        ("2026-11-28T12:00", False),  # Saturday
        ("2026-02-17T12:00", False),  # Seollal, by the moon, a Tuesday
        ("2026-03-02T12:00", False),  # a Monday in place of the first of March, a Sunday
        ("2026-12-25T12:00", False),  # Christmas, a Friday
        ("2026-12-24T12:00", True),
    ],
)
def test_weekday_hours_hold_on_weekdays_that_are_no_holidays(at: str, is_open: bool) -> None:
    assert parse("평일 09:00~18:00").open_at(kst(at)) is is_open


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-27T23:00", True),  # Friday night
        ("2026-11-28T01:59", True),
        ("2026-11-28T02:00", False),
        ("2026-11-29T01:00", False),  # the night after Saturday
        ("2026-12-25T23:00", False),  # a Friday, but Christmas
        ("2026-12-26T01:00", False),  # the night of that holiday
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_began(at: str, is_open: bool) -> None:
    assert parse("금 22:00~02:00").open_at(kst(at)) is is_open


@settings(deadline=None)  # the calendar of a year is made at its first day
@given(any_hours, st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)))
def test_the_two_minutes_of_the_column_say_the_same(hours: Hours, at: datetime) -> None:
    literal = hours.multirange()[1:-1]
    bounds = [tuple(map(int, part.strip("[)").split(","))) for part in literal.split("),") if part]

    in_column = any(start <= minute < end for start, end in bounds for minute in minutes(at))

    assert in_column is hours.open_at(at)


def test_lunar_substitute_and_fixed_holidays_are_known() -> None:
    assert korea.holiday(date(2025, 10, 6)) == "추석"
    assert "대체" in (korea.holiday(date(2025, 10, 8)) or "")
    assert korea.holiday(date(2027, 1, 1)) is not None
    assert korea.holiday(date(2026, 11, 23)) is None
