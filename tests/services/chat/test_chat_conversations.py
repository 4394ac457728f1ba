"""Conversations: kept in order, read by those whose they are, gone when deleted."""

from typing import Any

import eventlet
import pytest
from nameko.standalone.events import event_dispatcher
from uuid6 import uuid7

from services.kernel.errors import Conflict, NotFound, Unprocessable
from services.kernel.settings import nameko_config
from tests.services.chat.conftest import asked, ended
from tests.services.running import Running, eventually

QUESTION = "건전지는 어디에 버려요?"


@pytest.fixture
def owner() -> str:
    return str(uuid7())


def said(chat: Running, conversation: str, owner: str | None = None) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = chat.call.messages(conversation, owner)["messages"]
    return messages


def test_what_was_said_is_kept_in_order(chat: Running, conversation: str) -> None:
    first = asked(chat, QUESTION, conversation)
    second = asked(chat, "우유팩은요?", conversation)

    messages = said(chat, conversation)

    assert [message["role"] for message in messages] == ["user", "assistant"] * 2
    assert [message["content"] for message in messages] == [
        *(QUESTION, first["content"]),
        *("우유팩은요?", second["content"]),
    ]
    assert messages[1] == first
    assert first["question_id"] == messages[0]["message_id"]


def test_a_conversation_is_read_backwards_page_by_page(chat: Running, conversation: str) -> None:
    for number in range(3):
        asked(chat, f"안녕 {number}", conversation)

    last = chat.call.messages(conversation, None, 4)
    first = chat.call.messages(conversation, None, 4, last["next"])

    pages = [*first["messages"], *last["messages"]]
    assert [message["content"] for message in pages if message["role"] == "user"] == ["안녕 0", "안녕 1", "안녕 2"]
    assert first["next"] is None


def test_of_questions_at_once_one_is_answered_and_the_others_are_told_to_wait(chat: Running, conversation: str) -> None:
    outcomes = chat.at_once(6, "post", conversation, QUESTION)

    posted = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    for outcome in outcomes:
        if not isinstance(outcome, dict):
            assert isinstance(outcome, Conflict)
            assert outcome.code == "answer_in_progress"
    ended(chat, conversation, posted[0]["answer_id"])
    roles = [message["role"] for message in said(chat, conversation)]
    assert roles == ["user", "assistant"] * len(posted)


@pytest.mark.parametrize("bad", ["", "  \n ", "x" * 2001, "a\x00b", "\ud800", None, 7, ["건전지"]])
def test_a_bad_message_is_refused_and_not_kept(chat: Running, conversation: str, bad: object) -> None:
    problem = chat.refuses(chat.call.post, conversation, bad)

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == "message"
    assert said(chat, conversation) == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"lat": 37.5}, "invalid_arguments"),
        ({"lat": 91.0, "lon": 127.0}, "invalid_arguments"),
        ({"lat": "37.5", "lon": "127"}, "invalid_arguments"),
        ({"lang": "fr"}, "invalid_arguments"),
        ({"owner": "somebody"}, "invalid_arguments"),
        ({"region": "아틀란티스"}, "unknown_region"),
        ({"region": "중구"}, "ambiguous_region"),
        ({"scan_id": "nonsense"}, "scan_not_found"),
        ({"scan_id": str(uuid7())}, "scan_not_found"),
    ],
)
def test_bad_options_are_refused_and_nothing_is_kept(
    chat: Running, conversation: str, options: dict[str, Any], code: str
) -> None:
    assert chat.refuses(chat.call.post, conversation, QUESTION, None, options).code == code
    assert said(chat, conversation) == []


@pytest.mark.parametrize("bad", [0, 201, "50", None])
def test_a_limit_out_of_bounds_is_refused(chat: Running, conversation: str, bad: object) -> None:
    assert chat.refuses(chat.call.messages, conversation, None, bad).errors[0]["field"] == "limit"


@pytest.mark.parametrize("bad", ["", "x", "AAAAAAAAAAAAAAAAAAA=", "\x00", "é" * 20, "A" * 1000])
def test_a_cursor_that_was_not_given_out_is_refused(chat: Running, conversation: str, owner: str, bad: str) -> None:
    assert chat.refuses(chat.call.messages, conversation, None, 10, bad).code == "cursor_invalid"
    assert chat.refuses(chat.call.conversations, owner, 10, bad).code == "cursor_invalid"


def test_a_borrowed_cursor_is_refused(chat: Running, owner: str) -> None:
    for _ in range(2):
        chat.call.start(owner)
    cursor = chat.call.conversations(owner, 1)["next"]

    assert chat.refuses(chat.call.conversations, str(uuid7()), 1, cursor).code == "cursor_invalid"


def test_own_conversations_come_page_by_page_the_latest_first(chat: Running, owner: str) -> None:
    ids = [chat.call.start(owner)["conversation_id"] for _ in range(5)]
    asked(chat, QUESTION, ids[1], owner)
    chat.call.start(str(uuid7()))

    found, cursor = [], None
    while True:
        page = chat.call.conversations(owner, 2, cursor)
        found += [one["conversation_id"] for one in page["conversations"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert found == [ids[1], ids[4], ids[3], ids[2], ids[0]]


def test_a_conversation_is_titled_by_its_first_question_until_it_is_renamed(chat: Running, owner: str) -> None:
    conversation = chat.call.start(owner)["conversation_id"]
    asked(chat, QUESTION, conversation, owner)

    assert chat.call.conversation(conversation, owner)["title"] == QUESTION
    assert chat.call.rename(conversation, "  건전지 ", owner)["title"] == "건전지"
    asked(chat, "우유팩은요?", conversation, owner)
    assert chat.call.conversation(conversation, owner)["title"] == "건전지"


@pytest.mark.parametrize("bad", ["", " ", "x" * 101, "a\nb", 7])
def test_a_bad_title_is_refused(chat: Running, conversation: str, bad: object) -> None:
    assert chat.refuses(chat.call.rename, conversation, bad).errors[0]["field"] == "title"
    assert chat.refuses(chat.call.start, None, bad).errors[0]["field"] == "title"


def uses(chat: Running, conversation: object, owner: object) -> list[tuple[Any, ...]]:
    return [
        (chat.call.post, conversation, QUESTION, owner),
        (chat.call.messages, conversation, owner),
        (chat.call.message, conversation, str(uuid7()), owner),
        (chat.call.feedback, conversation, str(uuid7()), owner, "right"),
        (chat.call.conversation, conversation, owner),
        (chat.call.rename, conversation, "mine", owner),
        (chat.call.suggestions, str(conversation), owner),
        (chat.call.delete, conversation, owner),
    ]


@pytest.mark.parametrize("stranger", [None, str(uuid7())])
def test_anothers_conversation_is_as_if_it_were_not_there(chat: Running, owner: str, stranger: str | None) -> None:
    conversation = chat.call.start(owner)["conversation_id"]

    for use in uses(chat, conversation, stranger):
        problem = chat.refuses(*use)
        assert isinstance(problem, NotFound)
        assert problem.code == "conversation_not_found"
    assert said(chat, conversation, owner) == []


def test_a_message_of_another_conversation_is_not_found(chat: Running, conversation: str) -> None:
    other = chat.call.start()["conversation_id"]
    answer = asked(chat, QUESTION, other)["message_id"]

    assert chat.refuses(chat.call.message, conversation, answer).code == "message_not_found"
    assert chat.refuses(chat.call.feedback, conversation, answer, None, "right").code == "message_not_found"


@pytest.mark.parametrize("nothing", [str(uuid7()), "", "1", 7, "\x00"])
def test_an_unknown_conversation_is_not_found(chat: Running, nothing: object) -> None:
    for use in uses(chat, nothing, None):
        assert chat.refuses(*use).code == "conversation_not_found"


@pytest.mark.parametrize("bad", ["", "me", 7, "\x00"])
def test_a_conversation_has_a_real_owner_or_none(chat: Running, bad: object) -> None:
    assert chat.refuses(chat.call.start, bad).code == "user_not_found"


def test_a_deleted_conversation_is_gone_with_all_that_was_said(chat: Running, conversation: str, store: Any) -> None:
    answer = asked(chat, QUESTION, conversation)["message_id"]
    chat.call.feedback(conversation, answer, None, "right")
    assert store.exists(f"chat:{answer}")

    chat.call.delete(conversation)

    assert chat.refuses(chat.call.messages, conversation).code == "conversation_not_found"
    assert not chat.sql("SELECT 1 FROM chat.messages WHERE conversation_id = %s", conversation)
    assert not chat.sql("SELECT 1 FROM chat.feedback WHERE message_id = %s", answer)
    assert not store.exists(f"chat:{answer}")


def test_deleting_while_an_answer_is_written_leaves_nothing_behind(
    chat: Running, conversation: str, store: Any
) -> None:
    writers = eventlet.spawn(chat.at_once, 4, "post", conversation, QUESTION)
    eventlet.sleep(0.03)
    chat.call.delete(conversation)

    outcomes = writers.wait()

    assert all(isinstance(outcome, dict | NotFound | Conflict) for outcome in outcomes)
    assert not chat.sql("SELECT 1 FROM chat.messages WHERE conversation_id = %s", conversation)
    posted = [outcome["answer_id"] for outcome in outcomes if isinstance(outcome, dict)]
    eventually(lambda: not any(store.exists(f"chat:{answer}") for answer in posted), within_s=20)


def test_a_deleted_user_leaves_no_conversation_behind_and_others_keep_theirs(chat: Running, owner: str) -> None:
    other = str(uuid7())
    mine = asked(chat, QUESTION, None, owner)
    kept = chat.call.start(other)["conversation_id"]
    tell = event_dispatcher(nameko_config(chat.config))

    for _ in range(2):  # at least once
        tell("auth", "user_deleted", {"user_id": owner})

    eventually(lambda: chat.call.conversations(owner)["conversations"] == [], within_s=20)
    assert not chat.sql("SELECT 1 FROM chat.messages WHERE id = %s", mine["message_id"])
    assert [one["conversation_id"] for one in chat.call.conversations(other)["conversations"]] == [kept]


# What people say of an answer


def test_the_last_word_on_an_answer_counts(chat: Running, conversation: str) -> None:
    answer = asked(chat, QUESTION, conversation)["message_id"]

    chat.call.feedback(conversation, answer, None, "right")
    kept = chat.call.feedback(conversation, answer, None, "wrong", "전지 수거함이 없어요")

    assert (kept["verdict"], kept["comment"]) == ("wrong", "전지 수거함이 없어요")
    assert chat.sql("SELECT verdict FROM chat.feedback WHERE message_id = %s", answer) == [("wrong",)]
    shown = chat.call.message(conversation, answer)["feedback"]
    assert shown == {"verdict": "wrong", "comment": "전지 수거함이 없어요"}


def test_only_an_answer_can_be_right_or_wrong(chat: Running, conversation: str) -> None:
    question = asked(chat, QUESTION, conversation)["question_id"]

    assert chat.refuses(chat.call.feedback, conversation, question, None, "right").code == "answer_unfinished"


@pytest.mark.parametrize(
    ("verdict", "comment", "field"),
    [("good", None, "verdict"), (None, None, "verdict"), ("right", "", "comment"), ("right", "x" * 501, "comment")],
)
def test_bad_feedback_is_refused(
    chat: Running, conversation: str, verdict: object, comment: object, field: str
) -> None:
    answer = asked(chat, QUESTION, conversation)["message_id"]

    problem = chat.refuses(chat.call.feedback, conversation, answer, None, verdict, comment)

    assert problem.errors[0]["field"] == field
    assert not chat.sql("SELECT 1 FROM chat.feedback WHERE message_id = %s", answer)


def test_suggestions_go_on_from_the_last_topic(chat: Running, conversation: str) -> None:
    answer = asked(chat, "기름 묻은 피자 박스는 어떻게 버려요?", conversation)

    suggested = chat.call.suggestions(conversation)

    assert suggested["suggestions"][: len(answer["suggestions"])] == answer["suggestions"]
    assert chat.call.suggestions()["suggestions"] != suggested["suggestions"]
