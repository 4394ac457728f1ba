"""Conversations: kept in order, read by those whose they are, gone when deleted."""

from typing import Any

import eventlet
import pytest
from uuid6 import uuid7

from services.chat.service import ChatService
from services.kernel.errors import NotFound, Unavailable, Unprocessable
from tests.services.running import Running, running

QUESTION = "건전지는 어디에 버려요?"


def test_what_was_said_is_kept_in_order(chat: Running, conversation: str) -> None:
    first = chat.call.post(conversation, QUESTION)
    second = chat.call.post(conversation, "우유팩은요?")

    messages = chat.call.messages(conversation)["messages"]

    assert [message["role"] for message in messages] == ["user", "assistant"] * 2
    assert [message["content"] for message in messages] == [
        *(QUESTION, first["answer"]),
        *("우유팩은요?", second["answer"]),
    ]
    assert messages[1]["message_id"] == first["message_id"]
    assert messages[1]["items"] == first["items"]


def test_the_last_messages_come_when_there_are_more(chat: Running, conversation: str) -> None:
    for number in range(3):
        chat.call.post(conversation, f"안녕 {number}")

    messages = chat.call.messages(conversation, None, 2)["messages"]

    assert [message["content"] for message in messages if message["role"] == "user"] == ["안녕 2"]


def test_questions_at_once_keep_each_answer_behind_its_question(chat: Running, conversation: str) -> None:
    chat.at_once(8, "post", conversation, QUESTION)

    roles = [message["role"] for message in chat.call.messages(conversation)["messages"]]

    assert roles == ["user", "assistant"] * 8


@pytest.mark.parametrize("bad", ["", "  \n ", "x" * 2001, "a\x00b", "\ud800", None, 7, ["건전지"]])
def test_a_bad_message_is_refused_and_not_kept(chat: Running, conversation: str, bad: object) -> None:
    problem = chat.refuses(chat.call.post, conversation, bad)

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == "message"
    assert chat.call.messages(conversation)["messages"] == []


@pytest.mark.parametrize("bad", [0, 201, "50", None])
def test_a_limit_out_of_bounds_is_refused(chat: Running, conversation: str, bad: object) -> None:
    assert chat.refuses(chat.call.messages, conversation, None, bad).errors[0]["field"] == "limit"


def uses(chat: Running, conversation: object, owner: object) -> list[tuple[Any, ...]]:
    return [
        (chat.call.post, conversation, QUESTION, owner),
        (chat.call.messages, conversation, owner),
        (chat.call.delete, conversation, owner),
    ]


@pytest.mark.parametrize("stranger", [None, str(uuid7())])
def test_anothers_conversation_is_as_if_it_were_not_there(chat: Running, stranger: str | None) -> None:
    owner = str(uuid7())
    conversation = chat.call.start(owner)["conversation_id"]

    for use in uses(chat, conversation, stranger):
        problem = chat.refuses(*use)
        assert isinstance(problem, NotFound)
        assert problem.code == "conversation_not_found"
    assert chat.call.messages(conversation, owner)["messages"] == []


@pytest.mark.parametrize("nothing", [str(uuid7()), "", "1", None, 7, "\x00"])
def test_an_unknown_conversation_is_not_found(chat: Running, nothing: object) -> None:
    for use in uses(chat, nothing, None):
        assert chat.refuses(*use).code == "conversation_not_found"


@pytest.mark.parametrize("bad", ["", "me", 7, "\x00"])
def test_a_conversation_has_a_real_owner_or_none(chat: Running, bad: object) -> None:
    assert chat.refuses(chat.call.start, bad).code == "user_not_found"


def test_a_deleted_conversation_is_gone_with_its_messages(chat: Running, conversation: str) -> None:
    chat.call.post(conversation, QUESTION)

    chat.call.delete(conversation)

    assert chat.refuses(chat.call.messages, conversation).code == "conversation_not_found"
    assert not chat.sql("SELECT 1 FROM chat.messages WHERE conversation_id = %s", conversation)


def test_deleting_while_others_write_leaves_no_message_behind(chat: Running, conversation: str) -> None:
    writers = eventlet.spawn(chat.at_once, 8, "post", conversation, QUESTION)
    eventlet.sleep(0.03)
    chat.call.delete(conversation)

    outcomes = writers.wait()

    assert all(isinstance(outcome, dict | NotFound) for outcome in outcomes)
    assert not chat.sql("SELECT 1 FROM chat.messages WHERE conversation_id = %s", conversation)


def test_a_question_that_nobody_can_answer_now_is_not_kept(stack: Any) -> None:
    with running(LonelyChatService, stack.config) as lonely:
        conversation = lonely.call.start()["conversation_id"]

        problem = lonely.refuses(lonely.call.post, conversation, QUESTION)

        assert isinstance(problem, Unavailable)
        assert lonely.call.messages(conversation)["messages"] == []


class LonelyChatService(ChatService):
    """A chat that asks a service which is not running."""

    name = "lonely_chat"
    recycle = type(ChatService.recycle)("recycle_that_is_not_running")
