"""Names are suggested while they are typed, keystroke by keystroke, at once and without the Korean analyser."""

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.errors import Unprocessable
from services.recycle.knowledge import knowledge, suggest
from services.recycle.knowledge.hangul import INITIALS, initials
from tests.services.running import Running


def ids(text: str, limit: int = 8) -> list[str]:
    return [suggestion.item_id for suggestion in suggest(text, limit)]


@pytest.mark.parametrize(
    ("text", "item_id"),
    [
        ("페트", "clear_pet_bottle"),
        ("페트병", "clear_pet_bottle"),
        ("ㅍㅌㅂ", "clear_pet_bottle"),
        ("냉장고", "refrigerator"),
        ("ㄴㅈㄱ", "refrigerator"),
        ("ㅃㅃㅇ", "bubble_wrap"),
        ("ㅂㅂㅇ", "bubble_wrap"),
        ("우유ㅍ", "milk_carton"),
        ("pizza b", "pizza_box"),
        ("PIZZA-B", "pizza_box"),
        ("refrig", "refrigerator"),
        ("vpxmqud", "clear_pet_bottle"),
        ("ㅔㅑㅋㅋㅁ ㅠ", "pizza_box"),
        ("형광", "fluorescent_tube"),
    ],
)
def test_the_item_is_suggested_first(text: str, item_id: str) -> None:
    assert ids(text)[0] == item_id


@pytest.mark.parametrize("text", ["ㄴ", "내", "냉", "냉ㅈ", "냉자", "냉장", "냉장ㄱ", "냉장고"])
def test_every_keystroke_on_the_way_to_a_name_suggests_it(text: str) -> None:
    assert "refrigerator" in ids(text, 1000)


@pytest.mark.parametrize("text", ["펱", "페ㅌ", "페트ㅂ", "페트벼"])
def test_a_half_typed_syllable_goes_on(text: str) -> None:
    assert ids(text)[0] == "clear_pet_bottle"


def test_whole_syllables_stand_before_the_same_letters_in_other_syllables() -> None:
    words = [suggestion.words for suggestion in suggest("컵", 1000)]

    begun = [word.startswith("컵") or " 컵" in word for word in words]

    assert False in begun  # 커버
    assert begun == sorted(begun, reverse=True)


def test_a_later_word_of_a_name_suggests_it() -> None:
    assert "pizza_box" in ids("상자")
    assert "pizza_box" in ids("box")


def test_a_suggestion_names_the_word_that_goes_on() -> None:
    [first, *_] = suggest("iph")

    assert (first.item_id, first.words) == ("mobile_phone", "iphone")


@pytest.mark.parametrize("limit", [-1, 0, 1, 3, 8])
def test_there_are_no_more_than_the_limit_and_each_item_once(limit: int) -> None:
    found = ids("ㄱ", limit)

    assert len(found) == max(limit, 0)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("text", ["", " ", "!!", "zzzz", "뷁", "\x00", "페트병" * 1000])
def test_what_no_name_begins_with_suggests_nothing(text: str) -> None:
    assert suggest(text) == []


def test_every_name_is_suggested_by_itself_and_by_all_but_its_last_character() -> None:
    for item in knowledge().items.values():
        for name in (item.name.ko, item.name.en):
            assert item.id in ids(name, 1000), name
            assert item.id in ids(name[:-1] or initials(name), 1000), name


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from(INITIALS + "ㅏㅗ가페트병컵 abx-!"), max_size=60), st.integers(0, 20))
def test_whatever_is_typed_is_answered(text: str, limit: int) -> None:
    found = suggest(text, limit)

    assert len(found) <= limit
    assert all(suggestion.item_id in knowledge().items for suggestion in found)


def test_suggestions_never_load_the_korean_analyser() -> None:
    script = (
        "import sys; from services.recycle.knowledge import suggest; assert suggest('페트');"
        "sys.exit(any('kiwi' in module for module in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_suggestion_takes_some_milliseconds() -> None:
    suggest("페트")
    started = time.process_time()

    for text in ("ㄱ", "b", "페", "상자", "ㅍㅌㅂ", "zz") * 10:
        suggest(text)

    assert (time.process_time() - started) / 60 < 0.02


def test_the_service_suggests_items_with_their_names(recycle: Running) -> None:
    [first, *_] = recycle.call.suggest("pizza b")["suggestions"]

    assert first == {
        "item_id": "pizza_box",
        "name": "피자 상자",
        "name_en": "pizza box",
        "major": "recyclable",
        "kind": "paper",
        "match": "pizza box",
    }


def test_the_service_suggests_no_more_than_the_limit(recycle: Running) -> None:
    assert len(recycle.call.suggest("ㄱ")["suggestions"]) == 8
    assert len(recycle.call.suggest("ㄱ", 3)["suggestions"]) == 3


@pytest.mark.parametrize("bad", ["", "  ", "x" * 51, "pizza\x00", "a\nb", None, 7, ["pizza"]])
def test_a_bad_text_is_refused(recycle: Running, bad: object) -> None:
    problem = recycle.refuses(recycle.call.suggest, bad)

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == "text"


@pytest.mark.parametrize("bad", [0, 21, "10", None, 1.5])
def test_a_limit_of_suggestions_out_of_bounds_is_refused(recycle: Running, bad: object) -> None:
    assert recycle.refuses(recycle.call.suggest, "pizza", bad).errors[0]["field"] == "limit"


def test_suggestions_are_not_recorded_as_searches(recycle: Running) -> None:
    before = recycle.sql("SELECT count(*) FROM recycle.searches WHERE query = 'suggested only'")

    recycle.call.suggest("suggested only")

    assert recycle.sql("SELECT count(*) FROM recycle.searches WHERE query = 'suggested only'") == before == [(0,)]
