"""People find the item by the words they use."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.recycle.knowledge import Hit, SearchIndex, knowledge, search
from services.recycle.knowledge.hangul import initials, letters, normalise
from services.recycle.knowledge.vocabulary import stem

FIRST = [
    ("페트병", "clear_pet_bottle"),
    ("투명 페트병", "clear_pet_bottle"),
    ("  페 트 병 ", "clear_pet_bottle"),
    ("우유팩", "milk_carton"),
    ("스티로폼", "styrofoam_box"),
    ("형광등", "fluorescent_tube"),
    ("건전지", "dry_cell"),
    ("노트북", "laptop"),
    ("달걀껍데기", "eggshell"),
    ("계란 껍질", "eggshell"),
    ("치킨뼈", "animal_bone"),
    ("뽁뽁이", "bubble_wrap"),
    ("냉장고", "refrigerator"),
    ("옷", "clothes"),
    ("귤", "citrus_peel"),
    ("유리컵", "drinking_glass"),
    ("깨진 유리", "broken_glass"),
    ("pizza box", "pizza_box"),
    ("Pizza-Box", "pizza_box"),
    ("ＰＥＴ ｂｏｔｔｌｅ", "clear_pet_bottle"),
    ("cell phone", "mobile_phone"),
    ("TV", "television"),
    ("candle", "candle"),
    ("can", "aluminium_can"),
    ("wine bottles", "wine_bottle"),
    ("how do I throw away a plastic bottle", "clear_pet_bottle"),
    ("what about an old umbrella?", "umbrella"),
    ("페트병 어떻게 버려요?", "clear_pet_bottle"),
    ("다 쓴 부탄가스는 어디에 버려요", "butane_can"),
    ("우산 버리는 법", "umbrella"),
    ("ㅍㅌㅂ", "clear_pet_bottle"),
    ("ㄴㅈㄱ", "refrigerator"),
    ("패트뱡", "clear_pet_bottle"),
    ("후라이펜", "frying_pan"),
    ("telvision", "television"),
    ("umbrela", "umbrella"),
    ("냉장ㄱ", "refrigerator"),
]


@pytest.mark.parametrize(("query", "item_id"), FIRST)
def test_the_query_finds_the_item_first(query: str, item_id: str) -> None:
    assert search(query)[0].item_id == item_id


@pytest.mark.parametrize(
    ("query", "item_id", "situations"),
    [
        ("기름 묻은 피자 박스", "pizza_box", ("dirty",)),
        ("greasy pizza box", "pizza_box", ("dirty",)),
        ("깨진 소주병", "soju_bottle", ("broken",)),
        ("라벨 붙은 페트병", "clear_pet_bottle", ("labelled",)),
        ("부푼 보조배터리", "power_bank", ("swollen",)),
        ("젖은 신문지", "newspaper", ("wet",)),
        ("코팅된 프라이팬", "frying_pan", ("coated",)),
        ("내용물 남은 페인트 통", "paint_can", ("with_contents",)),
        ("라벨 붙은 더러운 페트병", "clear_pet_bottle", ("dirty", "labelled")),
    ],
)
def test_a_situation_inside_the_query_comes_with_the_item(
    query: str, item_id: str, situations: tuple[str, ...]
) -> None:
    hit = search(query)[0]
    assert (hit.item_id, hit.situations) == (item_id, situations)


def test_an_item_whose_name_holds_a_situation_is_the_item() -> None:
    assert search("깨진 유리")[0].situations == ()


def test_the_name_of_every_item_finds_it() -> None:
    for item in knowledge().items.values():
        assert item.id in [hit.item_id for hit in search(item.name.ko, 3)], item.id
        assert item.id in [hit.item_id for hit in search(item.name.en, 3)], item.id


def test_a_shared_word_finds_all_its_items() -> None:
    assert {hit.item_id for hit in search("아이스팩")[:2]} == {"ice_pack_water", "ice_pack_gel"}


def test_an_english_word_inside_another_word_is_not_found() -> None:
    assert "aluminium_can" not in [hit.item_id for hit in search("a scandal")]


@pytest.mark.parametrize("query", ["", "   ", "!!!", "zzzzqqqq", "🦄"])
def test_nonsense_finds_nothing(query: str) -> None:
    assert search(query) == []


def test_no_more_hits_come_than_the_limit() -> None:
    assert len(search("병", 3)) == 3


def test_hits_come_best_first_and_each_item_once() -> None:
    hits = search("플라스틱", 50)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.item_id for hit in hits}) == len(hits)


def test_the_reason_tells_how_it_matched() -> None:
    assert [search(query)[0].reason for query in ("우산", "ㅇㅅ", "패트뱡")] == [
        "exact",
        "initial consonants",
        "fuzzy",
    ]


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_answered_the_same_twice(query: str) -> None:
    hits = search(query)
    assert hits == search(query)
    assert all(0 < hit.score <= 100 for hit in hits)


def test_normalising_drops_case_width_and_spaces() -> None:
    assert normalise(" Ｐｉｚｚａ 박스! ") == "pizza박스"


def test_letters_are_those_of_the_keyboard() -> None:
    assert letters("닭와a") == "ㄷㅏㄹㄱㅇㅗㅏa"


def test_initials_are_the_first_consonants() -> None:
    assert initials("페트병") == "ㅍㅌㅂ"


def test_threads_may_search_side_by_side_from_the_first_query_on() -> None:
    """The analyser and the stemmer are made by whoever comes first, and shared."""
    queries = [
        "what about old umbrellas?",
        "다 쓴 건전지는 어디에 버려요",
        "기름 묻은 피자 박스",
        "broken wine glasses",
    ]

    def ask(index: SearchIndex) -> list[list[Hit]]:
        return [index.search(query) for query in queries]

    index = SearchIndex(knowledge())
    stem.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, [index] * 8))

    assert all(answer == ask(SearchIndex(knowledge())) for answer in answers)
