"""The gate: what a model may say of what was looked up, sentence by sentence."""

from typing import Any

import pytest

from services.chat.facts import Facts, Lang
from services.chat.gate import Gate
from services.recycle import catalogue
from services.recycle.knowledge import knowledge

INSTRUCTIONS = "You tell people in Korea how to throw things away, and nothing else."


class Reader:
    """Hears what the gate lets through."""

    def __init__(self, *things: Any, lang: Lang = "ko", question: str = "") -> None:
        self.facts = Facts(lang)
        for thing in things:
            item, *situations = thing if isinstance(thing, tuple) else (thing,)
            self.facts.add_rules(situations, catalogue.rules(item, situations, lang))
            self.facts.add_synonyms(item, catalogue.item(item, lang)["synonyms"])
        self.heard: list[str] = []
        self.undone: list[str] = []
        self.gate = Gate(self.facts, question, INSTRUCTIONS, self.heard.append, self.undone.append)

    def says(self, text: str) -> str:
        """What is heard when a model says `text` in pieces of three characters."""
        self.gate.begin()
        for start in range(0, len(text), 3):
            self.gate.hear(text[start : start + 3])
        self.gate.settle()
        return "".join(self.heard)


PASSES: dict[str, tuple[Any, str]] = {
    "a plain answer": ("dry_cell", "건전지는 전지 수거함에 넣어요. 접점에 테이프를 붙여요."),
    "a synonym": (("pizza_box", "dirty"), "피자 박스는 종량제봉투에 담아요. 깨끗한 부분은 종이류로 내놓아요."),
    "where it does not go": ("dry_cell", "건전지는 전지 수거함에 넣어요. 종량제봉투에 버리지 않아요."),
    "a name with a place in it": ("clear_pet_bottle", "투명 페트병은 무색 페트병으로 따로 분리배출해요."),
    "the recyclables": ("clear_pet_bottle", "투명 페트병은 재활용품이에요. 무색 페트병으로 따로 모아요."),
}


@pytest.mark.parametrize("name", PASSES)
def test_what_the_rules_say_passes(name: str) -> None:
    thing, text = PASSES[name]
    reader = Reader(thing)

    assert reader.says(text) == text
    assert reader.gate.refused is None


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_rules_own_words_pass_for_every_item_in_every_state(lang: Lang) -> None:
    whole = knowledge()
    refused = {}
    for item in whole.items.values():
        for situation in (None, *item.situations, *whole.group(item.group_id).situations):
            thing = (item.id, situation) if situation else item.id
            reader = Reader(thing, lang=lang)
            reader.says(catalogue.rules(item.id, [situation] if situation else [], lang)["answer"])
            if reader.gate.refused not in (None, "length"):
                refused[thing] = reader.gate.refused

    assert refused == {}


REFUSED: dict[str, tuple[Any, str, str]] = {
    "another place": ("dry_cell", "건전지는 종량제봉투에 담아요.", "place"),
    "another place of its rules first": (("pizza_box", "dirty"), "피자 상자는 종이류로 분리배출해요.", "place"),
    "a longer place": ("dry_cell", "건전지는 캔류로 모아요.", "place"),
    "a number": ("dry_cell", "건전지는 30개까지 전지 수거함에 넣어요.", "number"),
    "an address": ("dry_cell", "건전지 접점은 battery.example 에서 봐요.", "link"),
    "markup": ("dry_cell", "<b>건전지</b>는 전지 수거함에 넣어요.", "markup"),
    "its instructions": ("dry_cell", "건전지: you tell people in Korea how to throw things away.", "instructions"),
    "endless words": ("dry_cell", "건전지는 전지 수거함에 넣어요 " * 120 + ".", "length"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_rules_do_not_say_shuts_the_gate(name: str) -> None:
    thing, text, why = REFUSED[name]
    reader = Reader(thing)

    assert reader.says(text) == ""
    assert reader.gate.refused == why


@pytest.mark.parametrize(
    "text",
    [
        "건전지는 종이팩으로 모아요.",
        "건전지 말이죠. 종이팩으로 모아요.",
        "건전지와 우유팩은 종이팩으로 모아요. 건전지는 종이팩 수거함에 넣어요.",
        "우유팩은 전지 수거함에 넣고 건전지는 종이팩으로 모아요.",
    ],
)
def test_things_do_not_get_each_others_places(text: str) -> None:
    reader = Reader("dry_cell", "milk_carton")
    reader.says(text)

    assert reader.gate.refused == "place"


def test_two_things_get_their_own_places_in_one_sentence() -> None:
    text = "건전지는 전지 수거함에 넣고 우유팩은 종이팩으로 따로 모아요."

    assert Reader("dry_cell", "milk_carton").says(text) == text


def test_a_site_that_the_rules_say_to_ask_may_be_named() -> None:
    reader = Reader()
    ruled = catalogue.rules("clear_pet_bottle", [], "ko", "seoul_gangnam")
    reader.facts.add_rules([], ruled)

    text = "투명 페트병의 배출 시간은 강남구(https://www.gangnam.go.kr, 02-120)에 물어봐요."

    assert reader.says(text) == text


def test_after_it_is_shut_nothing_passes_any_more() -> None:
    reader = Reader("dry_cell")

    assert reader.says("건전지는 전지 수거함에 넣어요. 건전지는 종이류예요. 접점에 테이프를 붙여요.") == (
        "건전지는 전지 수거함에 넣어요."
    )


def test_before_anything_was_looked_up_nothing_passes() -> None:
    assert Reader().says("안녕하세요. 무엇을 도와드릴까요?") == ""


def test_a_sentence_about_something_else_is_left_out() -> None:
    reader = Reader("dry_cell")

    assert reader.says("우리 동네 날씨가 무척 화창하네요! 건전지는 전지 수거함에 넣어요.") == (
        "건전지는 전지 수거함에 넣어요."
    )
    assert reader.gate.left_out == 1


def test_emphasis_is_taken_off() -> None:
    reader = Reader("dry_cell")

    assert reader.says("- **건전지**는 `전지 수거함`에 넣어요.") == "건전지는 전지 수거함에 넣어요."


def test_a_number_of_the_question_may_be_said_again() -> None:
    reader = Reader("dry_cell", question="건전지 12개는요?")

    assert reader.says("건전지 12개도 전지 수거함에 넣어요.") == "건전지 12개도 전지 수거함에 넣어요."


def test_a_try_that_broke_off_does_not_count() -> None:
    reader = Reader("dry_cell")
    reader.gate.begin()
    reader.gate.hear("건전지는 전지 수거함에 넣어요. 접점에")

    reader.heard.clear()
    assert reader.says("건전지는 전지 수거함에 넣어요.") == "건전지는 전지 수거함에 넣어요."
    assert reader.undone == ["retried"]
    assert reader.gate.text == "건전지는 전지 수거함에 넣어요."
