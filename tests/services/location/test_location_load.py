"""Loading public data: both encodings, broken rows told by line, and the same file twice changes nothing."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.location import load
from services.location.tabular import Unusable, encoding_of
from tests.services.running import Running

STANDARD = "관리번호,설치장소명,수거품목명,소재지도로명주소,소재지지번주소,위도,경도,관리기관전화번호,제공기관코드"
CENTER = (
    "재활용센터명,소재지도로명주소,소재지지번주소,위도,경도,전화번호,평일운영시작시각,평일운영종료시각,"
    "공휴일운영시작시각,공휴일운영종료시각"
)
KECO = (
    "positnSn,positnNm,positnRdnmAddr,positnLotnoAddr,positnPstnLat,positnPstnLot,rprsTelnoCn,monSalsHrExplnCn,"
    "tuesSalsHrExplnCn,satSalsHrExplnCn,sunSalsHrExplnCn,lhldySalsHrExplnCn"
)
Load = Callable[..., int]


@pytest.fixture
def loaded(location: Running, stack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Loads a text as a file of an encoding, and returns the exit code."""
    for name, value in {**stack.settings, "ECO2_HTTP_PORT": "1"}.items():
        monkeypatch.setenv(name, value)

    def loaded(text: str | bytes, *options: str, encoding: str = "utf-8") -> int:
        path = tmp_path / "points.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return load.main([str(path), *(options or ("--format", "standard"))])

    yield loaded
    location.sql("DELETE FROM location.points WHERE source IN ('standard', 'keco')")


def box(number: int, **changed: str) -> str:
    fields = {
        "id": f"M-{number}",
        "name": f"상자 {number}",
        "item": "폐건전지",
        "road": f"도로 {number}",
        "lot": "",
        "lat": f"36.{number:04d}",
        "lon": "127.5",
        "phone": "02-123-4567",
        "body": "1234567",
    }
    return ",".join({**fields, **changed}.values())


def stored(location: Running, columns: str = "name") -> list[tuple[Any, ...]]:
    """The points that were loaded, by name: these columns of theirs; ``xmin`` changes when a row is written."""
    found = location.sql(
        "SELECT to_jsonb(points) || jsonb_build_object('xmin', xmin::text) FROM location.points"
        " WHERE source <> 'sample' ORDER BY name, kind"
    )
    return [tuple(point[column] for column in columns.split(", ")) for (point,) in found]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "euc-kr"])
def test_a_file_is_read_in_each_encoding(location: Running, loaded: Load, encoding: str) -> None:
    assert loaded(f"{STANDARD}\r\n{box(1)}\r\n{box(2, item='형광등')}\r\n", encoding=encoding) == 0

    assert stored(location, "name, kind, address, phone") == [
        ("상자 1", "battery_box", "도로 1", "02-123-4567"),
        ("상자 2", "lamp_box", "도로 2", "02-123-4567"),
    ]


def test_a_file_loaded_again_updates_what_has_changed_and_nothing_else(
    location: Running, loaded: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    first = f"{STANDARD}\n{box(1)}\n{box(2)}\n"
    assert loaded(first) == 0
    assert "2 added, 0 updated, 0 unchanged" in capsys.readouterr().out
    before = stored(location, "id, xmin")

    assert loaded(first) == 0
    assert "0 added, 0 updated, 2 unchanged" in capsys.readouterr().out
    assert stored(location, "id, xmin") == before

    assert loaded(f"{STANDARD}\n{box(1)}\n{box(2, name='상자 두번째')}\n{box(3)}\n") == 0
    assert "1 added, 1 updated, 1 unchanged" in capsys.readouterr().out
    assert stored(location) == [("상자 1",), ("상자 3",), ("상자 두번째",)]


def test_a_box_for_two_things_is_two_points(location: Running, loaded: Load) -> None:
    assert loaded(f"{STANDARD}\n{box(1, item='형광등+건전지')}\n") == 0

    assert stored(location, "kind") == [("battery_box",), ("lamp_box",)]


def test_quoted_line_breaks_are_spaces_and_keep_the_line_numbers_right(
    location: Running, loaded: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = f"{box(1, road=chr(34) + '도로' + chr(10) + '1층, 앞' + chr(34))}\n{box(2, lat='abc')}\n{box(3)}\n"

    assert loaded(f"{STANDARD}\n{rows}") == 1

    assert stored(location, "name, address") == [("상자 1", "도로 1층, 앞"), ("상자 3", "도로 3")]
    assert "line 4: lat: is no number" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (box(9, lat="nan"), "lat: is no number"),
        (box(9, lat="inf"), "lat: is no number"),
        (box(9, lat="1e999"), "lat: is no number"),
        (box(9, lat=""), "lat: is missing"),
        (box(9, lat="0", lon="0"), "lat: Input should be greater than or equal to 33"),
        (box(9, lat="127.5", lon="36.5"), "in each other's place"),
        (box(9, name=""), "name: Give 1 to 100 characters"),
        (box(9, name="가" * 101), "name: Give 1 to 100 characters"),
        (box(9, name="가\x00나"), "name: Control characters are not allowed"),
        (box(9, name="예시 상자"), "Names of samples begin so"),
        (box(9, road="", lot=""), "address: Give 1 to 200 characters"),
        (box(9, phone="0" * 41), "phone: Give 1 to 40 characters"),
        (box(9, item="자전거"), "kind: none known is in '자전거'"),
        (box(9) + ",zu viel", "has 10 fields instead of 9"),
        ("x,y", "has 2 fields instead of 9"),
        (box(1), "is the same point as line 2"),
        (box(9, name="x" * 140_000), "is no CSV"),
    ],
)
def test_a_dirty_row_is_told_by_its_line_and_the_others_are_loaded(
    location: Running, loaded: Load, capsys: pytest.CaptureFixture[str], row: str, reason: str
) -> None:
    assert loaded(f"{STANDARD}\n{box(1)}\n{row}\n{box(2)}\n") == 1

    told = capsys.readouterr()
    assert "line 3: " in told.err
    assert reason in told.err
    assert "3 rows, 1 dirty, 2 points: 2 added" in told.out
    assert stored(location) == [("상자 1",), ("상자 2",)]


def test_bytes_that_are_no_characters_make_one_dirty_row(
    location: Running, loaded: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"{STANDARD}\n{box(1)}\n{box(2, name='깨진 QQ')}\n{box(3)}\n".encode("cp949").replace(b"QQ", b"\xff\xff")

    assert loaded(text) == 1

    assert "line 3: has bytes that are no characters" in capsys.readouterr().err
    assert stored(location) == [("상자 1",), ("상자 3",)]


def test_many_rows_are_written_in_batches(location: Running, loaded: Load) -> None:
    rows = "\n".join(box(number) for number in range(1, 2600))

    assert loaded(f"{STANDARD}\n{rows}\n") == 0

    assert stored(location, "name")[-1] == ("상자 999",)
    assert len(stored(location)) == 2599


def test_a_dry_run_reports_and_writes_nothing(
    location: Running, loaded: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loaded(f"{STANDARD}\n{box(1)}\nx,y\n", "--format", "standard", "--dry-run") == 1

    assert "2 rows, 1 dirty, 1 points; nothing written" in capsys.readouterr().out
    assert stored(location) == []


def test_recycling_centres_bring_their_hours(location: Running, loaded: Load) -> None:
    rows = [
        "한밭재활용센터,대전 유성구 1,,36.35,127.38,042-1,09:00,18:00,00:00,00:00",
        "밤낮재활용센터,,대전 중구 2,36.36,127.39,,10:00,20:00,10:00,15:00",
    ]
    assert loaded(f"{CENTER}\n" + "\n".join(rows)) == 0

    points = location.call.search("대전 재활용센터")["points"]
    assert {(point["name"], point["kind"], point["address"], point["opening_hours"]) for point in points} == {
        ("한밭재활용센터", "collection_center", "대전 유성구 1", "Mo-Fr 09:00-18:00; Sa-Su off; PH off"),
        ("밤낮재활용센터", "collection_center", "대전 중구 2", "Mo-Fr 10:00-20:00; Sa-Su off; PH 10:00-15:00"),
    }


def test_keco_sites_are_read_with_the_hours_of_each_day(location: Running, loaded: Load) -> None:
    rows = [
        '101,거점 하나,"세종 도움6로\n11",,36.5,127.26,044-1,09:00 ~ 18:00,10:00~12:00,휴무,휴무,휴무',
        "102,거점 둘,,세종 어진동 1,36.51,127.27,,문의 바람,,,,",
    ]
    assert loaded(f"{KECO}\n" + "\n".join(rows), "--format", "keco", encoding="cp949") == 0

    one, two = sorted(location.call.search("세종 거점")["points"], key=lambda point: len(point["name"]), reverse=True)
    assert (one["address"], one["phone"], one["kind"]) == ("세종 도움6로 11", "044-1", "collection_center")
    assert one["opening_hours"] == "Mo 09:00-18:00; Tu 10:00-12:00; We-Su off; PH off"
    assert (two["address"], two["hours"], two["opening_hours"]) == ("세종 어진동 1", "월 문의 바람", None)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", ("--format", "standard")),
        ("이름,주소\n가,나\n", ("--format", "standard")),
        (f"{STANDARD}\n{box(1)}\n", ("--format", "keco")),
        (STANDARD.replace("수거품목명", "비고") + f"\n{box(1)}\n", ("--format", "standard")),
        (STANDARD + ",위도\n", ("--format", "standard")),
    ],
)
def test_a_file_of_another_format_is_refused_whole(
    location: Running, loaded: Load, text: str, options: tuple[str, ...]
) -> None:
    assert loaded(text, *options) == 2
    assert stored(location) == []


def test_the_kind_can_be_told_where_the_file_does_not(location: Running, loaded: Load) -> None:
    header = STANDARD.replace("수거품목명", "비고")

    assert loaded(f"{header}\n{box(1)}\n", "--format", "standard", "--kind", "clothing_box") == 0
    assert stored(location, "kind") == [("clothing_box",)]


def test_a_file_that_cannot_be_read_is_named(loaded: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert load.main([str(tmp_path / "nothing.csv"), "--format", "keco"]) == 2
    assert "nothing.csv" in capsys.readouterr().err
    assert load.main([str(tmp_path), "--format", "keco"]) == 2
    assert loaded("가,나".encode("utf-16")) == 2


@pytest.mark.parametrize("cut", range(4))
def test_an_encoding_is_told_although_its_sample_ends_within_a_character(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "long.csv"
    for encoding, name in (("utf-8", "utf-8-sig"), ("cp949", "cp949")):
        path.write_bytes(b"x" * cut + ("가각힣" * 40_000).encode(encoding))
        assert encoding_of(path) == name


def test_a_missing_file_has_no_encoding(tmp_path: Path) -> None:
    with pytest.raises(Unusable):
        encoding_of(tmp_path / "missing")


def test_the_command_runs_as_a_process_of_its_own(location: Running, loaded: Load, tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text(f"{STANDARD}\n{box(1)}\nx,y\n", encoding="utf-8")

    command = [sys.executable, "-m", "services.location.load", str(path), "--format", "standard"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1, done.stderr
    assert "line 3: has 2 fields instead of 9" in done.stderr
    assert stored(location) == [("상자 1",)]
