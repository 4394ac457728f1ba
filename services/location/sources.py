"""What the columns of public data mean: rows become points, or the reason why not.

Two formats. ``standard`` is the header of the standard data of data.go.kr (전국재활용센터표준데이터,
전국폐형광등폐건전지수거함표준데이터, 전국의류수거함표준데이터 and files that municipalities make alike). ``keco`` is
that of the collection sites of the Korea Environment Corporation (유가보상 거점; positnNm, positnPstnLat …). The
names of the columns are from public descriptions of these files; the files themselves were not at hand when this
was written, so that one whose header differs is refused, naming what is missing, rather than guessed at.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from services.location import hours
from services.location.incoming import Dirty, NewPoint, point, tidy
from services.location.points import Kind
from services.location.tabular import Unusable

Fields = dict[str, str]

NAMES = ("시설명", "상호", "상호명", "재활용센터명", "설치장소명", "수거함명", "업체명")
ROAD, LOT = "소재지도로명주소", "소재지지번주소"
PHONES = ("전화번호", "운영기관전화번호", "관리기관전화번호")
KINDS = ("시설구분", "시설유형", "수거함종류", "구분", "수거품목명", "수거품목")
HOURS = ("운영시간", "영업시간", "이용시간", "운영시간상세")
SPOTS = ("상세위치", "세부위치", "세부위치내용")

# What words in a column of `KINDS` stand for; the first that fits of each kind is enough.
WORDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("battery_box", ("건전지", "전지", "배터리")),
    ("lamp_box", ("형광등", "형광램프", "조명", "램프")),
    ("clothing_box", ("의류", "헌옷")),
    ("ewaste_box", ("폐가전", "소형가전", "전자제품")),
    ("zero_waste_shop", ("제로웨이스트", "리필")),
    ("collection_center", ("재활용센터", "회수", "거점")),
)


@dataclass(frozen=True)
class Format:
    """How to read a file: `check` raises `Unusable` for a header that is not its own, `points` raises `Dirty`."""

    check: Callable[[list[str], Kind | None], None]
    points: Callable[[Fields, Kind | None], list[NewPoint]]


def _check_standard(header: list[str], kind: Kind | None) -> None:
    _need(header, ("위도",), ("경도",), (ROAD, LOT), NAMES)
    if kind is None and "재활용센터명" not in header:
        try:
            _need(header, KINDS)
        except Unusable as error:
            raise Unusable(f"{error}; or name the kind of all its points with --kind") from None


def _standard(fields: Fields, kind: Kind | None) -> list[NewPoint]:
    name, address = _first(fields, NAMES), _first(fields, (ROAD, LOT))
    text, opening = _standard_hours(fields)
    number = fields.get("관리번호", "").strip()
    # Without a number of its own a point is known by what it is called and where it stands.
    key = [fields.get("제공기관코드", "").strip(), number] if number else [name, address, _first(fields, SPOTS)]
    made = []
    for each in (kind,) if kind else _kinds(fields):
        source_id = hashlib.sha256("\n".join([each, *key]).encode()).hexdigest()[:32]
        made.append(
            point(
                source="standard",
                source_id=source_id,
                kind=each,
                name=name,
                address=address,
                lat=fields["위도"],
                lon=fields["경도"],
                phone=_first(fields, PHONES),
                hours=text,
                opening=opening,
            )
        )
    return made


def _kinds(fields: Fields) -> list[Kind]:
    text = " ".join(fields.get(column, "") for column in KINDS)
    found = [kind for kind, words in WORDS if any(word in text for word in words)]
    if "재활용센터명" in fields and not found:
        return ["collection_center"]
    if not found:
        raise Dirty(f"kind: none known is in {text.strip()[:60]!r}")
    return found


def _standard_hours(fields: Fields) -> tuple[str, str | None]:
    if text := _first(fields, HOURS):
        return text, _opening([text])
    told = []
    for days, column in (("평일", "평일"), ("토", "토요일"), ("공휴일", "공휴일")):
        start, end = (fields.get(f"{column}운영{which}시각", "").strip() for which in ("시작", "종료"))
        if start and end:
            # The same time twice is how these files say that it is closed.
            told.append(f"{days} 휴무" if start == end else f"{days} {start}~{end}")
    return ", ".join(told), _opening(told)


_KECO_DAYS = {
    "월": "monSalsHrExplnCn",
    "화": "tuesSalsHrExplnCn",
    "수": "wedSalsHrExplnCn",
    "목": "thurSalsHrExplnCn",
    "금": "friSalsHrExplnCn",
    "토": "satSalsHrExplnCn",
    "일": "sunSalsHrExplnCn",
    "공휴일": "lhldySalsHrExplnCn",
}


def _check_keco(header: list[str], kind: Kind | None) -> None:
    _need(
        header,
        ("positnSn",),
        ("positnNm",),
        ("positnPstnLat",),
        ("positnPstnLot",),
        ("positnRdnmAddr", "positnLotnoAddr"),
    )


def _keco(fields: Fields, kind: Kind | None) -> list[NewPoint]:
    told = [f"{day} {text}" for day, column in _KECO_DAYS.items() if (text := tidy(fields.get(column, "")))]
    site = point(
        source="keco",
        source_id=fields["positnSn"],
        kind=kind or "collection_center",
        name=fields["positnNm"],
        address=_first(fields, ("positnRdnmAddr", "positnLotnoAddr")),
        lat=fields["positnPstnLat"],
        lon=fields["positnPstnLot"],
        phone=_first(fields, ("rprsTelnoCn", "bscTelnoCn")),
        hours=", ".join(told),
        opening=_opening(told),
    )
    return [site]


FORMATS = {"standard": Format(_check_standard, _standard), "keco": Format(_check_keco, _keco)}


def _opening(rules: Iterable[str]) -> str | None:
    """What is read of the hours; None when nothing is said, or not understood: the text is still shown."""
    try:
        return hours.parse("; ".join(rules)).multirange()
    except hours.Unreadable:
        return None


def _need(header: list[str], *choices: tuple[str, ...]) -> None:
    missing = [" or ".join(names) for names in choices if not set(names) & set(header)]
    if missing:
        raise Unusable(f"the header lacks {', '.join(missing)}")
    if len(set(header)) != len(header):
        raise Unusable("the header names a column twice")


def _first(fields: Fields, columns: tuple[str, ...]) -> str:
    return next((text for column in columns if (text := tidy(fields.get(column, "")))), "")
