"""Answers: the rules' own words for what a message names, in its language, and a kind word otherwise."""

from typing import Any

import pytest

from services.chat import answers
from tests.services.running import Running


def ask(chat: Running, conversation: str, message: str) -> dict[str, Any]:
    answer: dict[str, Any] = chat.call.post(conversation, message)
    return answer


def test_a_question_is_answered_by_the_rules_own_text(chat: Running, conversation: str) -> None:
    said = ask(chat, conversation, "다 쓴 건전지는 어디에 버리나요?")

    assert set(said) == {"message_id", "answer", "provider", "items", "suggestions"}
    assert said["provider"] == "rules"
    assert [item["item_id"] for item in said["items"]] == ["dry_cell"]
    assert said["answer"].startswith("건전지는")


def test_a_situation_in_the_question_changes_the_answer(chat: Running, conversation: str) -> None:
    clean = ask(chat, conversation, "피자 박스는 어떻게 버려요?")["items"][0]
    dirty = ask(chat, conversation, "기름 묻은 피자 박스는 어떻게 버려요?")["items"][0]

    assert (clean["item_id"], clean["major"]) == ("pizza_box", "recyclable")
    assert (dirty["item_id"], dirty["major"], dirty["situations"]) == ("pizza_box", "general", ["dirty"])


def test_a_question_in_english_is_answered_in_english(chat: Running, conversation: str) -> None:
    said = ask(chat, conversation, "How do I throw away a greasy pizza box?")

    assert said["items"][0]["item_id"] == "pizza_box"
    assert said["answer"].isascii()


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
    assert said["answer"].count("\n\n") == 1


def test_no_more_than_three_things_are_answered_at_once(chat: Running, conversation: str) -> None:
    said = ask(chat, conversation, "우유팩, 건전지, 피자 박스, 유리컵, 투명 페트병")

    assert len(said["items"]) == 3


@pytest.mark.parametrize("message", ["안녕하세요", "hello there", "?!?", "🙏", "오늘 날씨 어때"])
def test_when_nothing_matches_the_answer_is_kind_and_suggests(chat: Running, conversation: str, message: str) -> None:
    said = ask(chat, conversation, message)

    assert said["answer"] in answers.UNKNOWN.values()
    assert said["items"] == []
    assert len(said["suggestions"]) >= 3


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_every_suggested_question_has_an_answer(chat: Running, conversation: str, lang: answers.Lang) -> None:
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

        def rules(self, item_id: str, situations: list[str], lang: answers.Lang) -> dict[str, Any]:
            raise AssertionError("not sure enough")

    said = answers.answer("건전쥐", Recycle())

    assert "건전지" in said.text
    assert said.items == []
    assert said.suggestions == ["건전지 어떻게 버려요?"]


def test_a_long_message_is_read_in_few_pieces_fit_for_the_search() -> None:
    found = answers.pieces("건전지 " * 400 + "\n" + "x. " * 500)

    assert len(found) <= answers.PIECES_READ
    assert all(1 <= len(piece) <= 100 for piece in found)
