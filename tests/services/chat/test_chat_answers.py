"""Answers: the rules' own words for what a message names, in its language, and a kind word otherwise."""

import json
from typing import Any

import pytest

from services.chat import answers
from services.chat.facts import Lang
from tests.services.chat.conftest import asked
from tests.services.running import Running


def ask(chat: Running, conversation: str, message: str, **options: Any) -> dict[str, Any]:
    return asked(chat, message, conversation, **options)


def test_a_question_is_answered_by_the_rules_own_text(chat: Running, conversation: str) -> None:
    said = ask(chat, conversation, "다 쓴 건전지는 어디에 버리나요?")

    assert (said["state"], said["provider"], said["degraded"]) == ("completed", "rules", None)
    assert [item["item_id"] for item in said["items"]] == ["dry_cell"]
    assert said["content"].startswith("건전지는")


def test_a_situation_in_the_question_changes_the_answer(chat: Running, conversation: str) -> None:
    clean = ask(chat, conversation, "피자 박스는 어떻게 버려요?")["items"][0]
    dirty = ask(chat, conversation, "기름 묻은 피자 박스는 어떻게 버려요?")["items"][0]

    assert (clean["item_id"], clean["major"]) == ("pizza_box", "recyclable")
    assert (dirty["item_id"], dirty["major"], dirty["situations"]) == ("pizza_box", "general", ["dirty"])


def test_a_question_in_english_is_answered_in_english(chat: Running, conversation: str) -> None:
    said = ask(chat, conversation, "How do I throw away a greasy pizza box?")

    assert said["items"][0]["item_id"] == "pizza_box"
    assert said["content"].isascii()


@pytest.mark.parametrize(
    "message",
    [
        "우유팩이랑 건전지 어떻게 버려요?",
        "우유팩은요? 그리고 건전지는요?",
        "우유팩,건전지",
        "milk carton and dry battery",
    ],
)
def test_several_things_in_one_message_get_an_answer_each(chat: Running, conversation: str, message: str) -> None:
    said = ask(chat, conversation, message)

    assert [item["item_id"] for item in said["items"]] == ["milk_carton", "dry_cell"]
    assert said["content"].count("\n\n") == 1


def test_no_more_than_three_things_are_answered_at_once(chat: Running, conversation: str) -> None:
    said = ask(chat, conversation, "우유팩, 건전지, 피자 박스, 유리컵, 투명 페트병")

    assert len(said["items"]) == 3


@pytest.mark.parametrize("message", ["안녕하세요", "hello there", "?!?", "🙏", "오늘 날씨 어때"])
def test_when_nothing_matches_the_answer_is_kind_and_suggests(chat: Running, conversation: str, message: str) -> None:
    said = ask(chat, conversation, message)

    assert said["content"] in answers.UNKNOWN.values()
    assert said["items"] == []
    assert len(said["suggestions"]) >= 3


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_every_suggested_question_has_an_answer(chat: Running, conversation: str, lang: Lang) -> None:
    for question in answers.suggestions(lang):
        assert ask(chat, conversation, question)["items"], question


def test_suggestions_come_in_both_languages(chat: Running) -> None:
    assert chat.call.suggestions() == {
        "suggestions": answers.suggestions("ko"),
        "suggestions_en": answers.suggestions("en"),
    }


def test_a_resemblance_is_asked_about_and_not_answered() -> None:
    class Recycle:
        def search(self, query: str, limit: int) -> dict[str, Any]:
            hit = {"item_id": "a", "name": "건전지", "name_en": "battery", "score": 70.0, "situations": []}
            return {"hits": [hit]}

        def rules(self, item_id: str, situations: list[str], lang: str, region: str | None) -> dict[str, Any]:
            raise AssertionError("not sure enough")

    said = answers.worded(answers.look("건전쥐", Recycle(), "ko"), "ko")

    assert "건전지" in said.text
    assert said.items == []
    assert said.suggestions == ["건전지 어떻게 버려요?"]


def test_a_long_message_is_read_in_few_pieces_fit_for_the_search() -> None:
    found = answers.pieces("건전지 " * 400 + "\n" + "x. " * 500)

    assert len(found) <= answers.PIECES_READ
    assert all(1 <= len(piece) <= 100 for piece in found)


def test_in_a_region_its_own_rules_answer(chat: Running, conversation: str) -> None:
    everywhere = ask(chat, conversation, "투명 페트병은 어떻게 버려요?")
    here = ask(chat, conversation, "투명 페트병은 어떻게 버려요?", region="강남구")

    assert "목요일" in here["content"]
    assert "목요일" not in everywhere["content"]
    assert {"id": "gangnam_sorting_day", "citation": "서울특별시 강남구, 비닐·투명페트병 별도 분리배출 요일제"} in (
        here["sources"]
    )


def test_the_language_that_is_asked_for_is_answered_in(chat: Running, conversation: str) -> None:
    assert ask(chat, conversation, "건전지", lang="en")["content"].startswith("Household battery")


def test_an_answer_by_the_rules_is_told_in_pieces_that_make_the_whole(
    chat: Running, conversation: str, store: Any
) -> None:
    said = ask(chat, conversation, "우유팩이랑 건전지 어떻게 버려요?")

    told = [fields for _, fields in store.xrange(f"chat:{said['message_id']}") if fields["event"] == "token"]
    assert len(told) > 2
    assert "".join(json.loads(fields["data"])["text"] for fields in told) == said["content"]
