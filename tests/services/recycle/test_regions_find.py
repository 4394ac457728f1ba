"""What people write for a place leads to its region, to a choice of regions, or to none."""

import pytest

from services.recycle.knowledge import find_region


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("강남구", "seoul_gangnam"),
        ("강남", "seoul_gangnam"),
        ("서울 강남구", "seoul_gangnam"),
        ("서울강남구", "seoul_gangnam"),
        ("서울특별시 강남구 역삼동 123-4", "seoul_gangnam"),
        ("대한민국 서울시 강남구", "seoul_gangnam"),
        ("Gangnam", "seoul_gangnam"),
        ("gangnam-gu", "seoul_gangnam"),
        ("GANGNAM GU", "seoul_gangnam"),
        ("Gangnam-gu, Seoul", "seoul_gangnam"),
        ("Seoul Gangnam", "seoul_gangnam"),
        ("12 Teheran-ro, Gangnam-gu, Seoul, South Korea", "seoul_gangnam"),
        ("서울 중구", "seoul_jung"),
        ("Jung-gu, Busan", "busan_jung"),
        ("부산", "busan"),
        ("부산광역시", "busan"),
        ("부산시 기장군", "busan_gijang"),
        ("Busanjin", "busan_busanjin"),
        ("세종", "sejong"),
        ("Seoul", "seoul"),
        ("  서울 \n", "seoul"),
    ],
)
def test_a_place_that_is_clear_is_one_region(text: str, region: str) -> None:
    assert find_region(text) == (region,)


@pytest.mark.parametrize(
    ("text", "count"), [("중구", 5), ("동구", 5), ("남구", 4), ("강서구", 2), ("강서", 2), ("Jung-gu", 5)]
)
def test_a_name_of_several_districts_leaves_the_choice(text: str, count: int) -> None:
    found = find_region(text)
    assert len(found) == len(set(found)) == count


def test_the_choice_lists_each_citys_district() -> None:
    assert find_region("강서구") == ("busan_gangseo", "seoul_gangseo")


@pytest.mark.parametrize(
    "text",
    ["", " ", "?!", "12345", "동", "구", "서", "대한민국", "수원", "경기 광주", "포항시 남구", "Gwangju, Gyeonggi-do",
     "서울 해운대구", "Atlantis", "강남 " * 5000, "\ud800", "ㄱㄴ"],
)  # fmt: skip
def test_what_names_no_known_place_is_none(text: str) -> None:
    assert find_region(text) == ()
