"""Text search: by name, kind and address, half typed, by initial consonants; no text breaks it."""

from collections.abc import Callable

import pytest

from services.kernel.errors import Unprocessable
from tests.services.running import Running


@pytest.fixture
def center(place: Callable[..., str]) -> str:
    return place("망원1동 주민센터", "서울 마포구 월드컵로25길 190 (망원동)", kind="battery_box")


def found(location: Running, query: str) -> list[str]:
    return [point["point_id"] for point in location.call.search(query)["points"]]


@pytest.mark.parametrize(
    "query",
    [
        *(
            "망원1동 주민센터",
            "주민센터 망원1동",
            "망원1동주민센터",
            "주민센",
            "월드컵로25길",
            "마포구 월드컵로 주민센터",
        ),
        *("망", "망우", "망ㅇ", "망원1도", "주미", "월드컵로25기", "망원 건전지", "망원 폐건전지 수거함"),
        *(
            "ㅁㅇ1ㄷ",
            "ㅈㅁㅅㅌ",
            "ㅁㅇ1ㄷㅈㅁㅅㅌ",
            "ㅁㅍㄱ ㅈㅁㅅㅌ",
            "ㅇㄷㅋㄹ25ㄱ",
            "망원 ㅈㅁㅅㅌ",
            "ㅁ",
            "akddnjs",
        ),
        *("망원1동, 주민센터!", "  망원1동   주민센터 ", "\u1106\u1161\u11bc\u110b\u116f\u11ab1동"),
    ],
)
def test_a_point_is_found_by_name_kind_address_and_initials(location: Running, center: str, query: str) -> None:
    assert center in found(location, query)


@pytest.mark.parametrize(
    "query",
    [
        "망원2동",
        "원망",
        "센터주",
        "형광등 망원1동",
        "ㅁㅇ2ㄷ",
        "ㅈㅁㅅㅎ",
        "%",
        "_",
        "망%동",
        "망원_동",
        "\\",
        "!!!",
        "-",
        "м",
    ],
)
def test_what_does_not_hold_every_word_is_not_found(location: Running, center: str, query: str) -> None:
    assert center not in found(location, query)


def test_a_name_that_begins_so_comes_before_one_that_holds_it_and_that_before_an_address(
    location: Running, place: Callable[..., str]
) -> None:
    address = place("가나다", "시험로 달빛마을")
    inside = place("큰 달빛마을")
    begins = place("달빛마을 회관")
    exact = place("달빛마을")

    assert found(location, "달빛마을") == [exact, begins, inside, address]


def test_latin_letters_are_found_in_either_case(location: Running, place: Callable[..., str]) -> None:
    shop = place("GS25 Zero점")

    assert shop in found(location, "gs25 zero점")
    assert shop in found(location, "ZERO")


def test_tense_and_paired_consonants_are_found_as_people_type_them(
    location: Running, place: Callable[..., str]
) -> None:
    shop = place("꿈빛 가게")

    assert shop in found(location, "ㄱㅂ ㄱㄱ")
    assert shop in found(location, "ㄲㅂ")
    assert place("거성 상가") in found(location, "ㄳㅅㄱ")


def test_kinds_choose_among_the_points_found(location: Running, place: Callable[..., str]) -> None:
    lamp, battery = place("은하수길", kind="lamp_box"), place("은하수길", kind="battery_box")

    points = location.call.search("은하수길", kinds=["lamp_box"])["points"]

    assert [point["point_id"] for point in points] == [lamp]
    assert set(found(location, "은하수길")) == {lamp, battery}


def test_no_more_than_the_limit_come(location: Running) -> None:
    assert len(location.call.search("수거함", limit=3)["points"]) == 3


def test_names_are_suggested_once_while_one_types(location: Running, place: Callable[..., str]) -> None:
    for _ in range(3):
        place("별내림 공원")
    place("별내림 도서관")
    place("북쪽 별내림길")

    names = ["별내림 공원", "별내림 도서관", "북쪽 별내림길"]
    assert location.call.suggest("별내림")["suggestions"] == names
    assert location.call.suggest("별내리")["suggestions"] == names
    assert location.call.suggest("별내림 ㄷ")["suggestions"] == ["별내림 도서관"]
    assert location.call.suggest("ㅂㄴㄹ")["suggestions"] == names
    assert len(location.call.suggest("별내림", limit=1)["suggestions"]) == 1
    assert location.call.suggest("없는이름")["suggestions"] == []


@pytest.mark.parametrize(
    "bad", ["", " ", "가" * 61, "x" * 100_000, "a\x00b", "a\nb", "\ud800", None, 7, ["망원"], b"x"]
)
@pytest.mark.parametrize("method", ["search", "suggest"])
def test_a_query_out_of_bounds_is_refused(location: Running, method: str, bad: object) -> None:
    problem = location.refuses(getattr(location.call, method), bad)

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == "query"


@pytest.mark.parametrize(
    "query",
    ["'; DROP TABLE location.points; --", "%(kinds)s", "{words}", "{column}", "a " * 30, "ㅁ" * 60, "👍🏽", "%s %%"],
)
def test_no_query_breaks_the_search(location: Running, query: str) -> None:
    assert isinstance(location.call.search(query)["points"], list)
    assert isinstance(location.call.suggest(query)["suggestions"], list)


@pytest.mark.parametrize("bad", [0, 51, 1.5, "3", None, 10**30])
def test_a_limit_out_of_bounds_is_refused(location: Running, bad: object) -> None:
    assert location.refuses(location.call.search, "망원", limit=bad).errors[0]["field"] == "limit"
    assert location.refuses(location.call.suggest, "망원", limit=bad).errors[0]["field"] == "limit"


def test_the_database_names_the_kinds_as_the_service_does(location: Running) -> None:
    for kind in location.call.kinds()["kinds"]:
        assert location.sql("SELECT location.kind_name(%s)", kind["id"]) == [(kind["name"],)]
