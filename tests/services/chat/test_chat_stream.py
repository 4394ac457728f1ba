"""The stream of an answer as a client hears it: in order, once, resumable, with and without Redis."""

import json
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
import redis
from uuid6 import uuid7

from services.chat.leases import Attempt
from services.chat.stream import Telling, tell_end
from services.gateway import chat_stream
from services.kernel.errors import NotFound, Unavailable

WRITING = {"state": "writing", "content": "", "error": None}
DONE = {"state": "completed", "content": "a b c ", "error": None}
FAILED = {"state": "failed", "content": "", "error": {"code": "answer_timeout", "detail": "…"}}


@pytest.fixture
def answer_id() -> str:
    return str(uuid7())


def telling(store: redis.Redis, answer_id: str, attempt: int = 1) -> Telling:
    return Telling(store, Attempt(answer_id, attempt), 60)


def written(store: redis.Redis, answer_id: str, *words: str, end: str | None = "completed") -> Telling:
    told = telling(store, answer_id)
    for word in words:
        told.token(f"{word} ")
    if end:
        told.end(end)
    return told


def listen(
    store: Any, answer_id: str, message: Any, last_id: str | None = None, keepalive_s: float = 60
) -> Iterator[dict[str, Any]]:
    ask = message if callable(message) else lambda: message
    lines = chat_stream.follow(
        store,
        answer_id,
        last_id,
        ask,
        problem=lambda failed: {"code": failed["error"]["code"]},
        keepalive_s=keepalive_s,
        pause=eventlet.sleep,
    )
    for block in lines:
        fields = {name: value.strip() for name, _, value in (line.partition(":") for line in block.strip().split("\n"))}
        yield {**fields, "data": json.loads(fields["data"])} if "data" in fields else fields


def ids(events: Iterator[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in events]


def test_pieces_come_in_order_and_the_last_event_carries_the_whole(store: redis.Redis, answer_id: str) -> None:
    written(store, answer_id, "a", "b", "c")

    heard = list(listen(store, answer_id, DONE))

    assert [event["event"] for event in heard] == ["token", "token", "token", "completed"]
    assert "".join(event["data"].get("text", "") for event in heard) == DONE["content"]
    assert heard[-1]["data"] == DONE
    assert heard[-1]["id"] == chat_stream.END


def test_a_failure_is_told_as_a_problem(store: redis.Redis, answer_id: str) -> None:
    written(store, answer_id, "a", end="failed")

    assert list(listen(store, answer_id, FAILED))[-1]["data"] == {"code": "answer_timeout"}


@pytest.mark.parametrize("cut", range(5))
def test_wherever_a_stream_is_cut_it_goes_on_without_a_lost_or_doubled_piece(
    store: redis.Redis, answer_id: str, cut: int
) -> None:
    written(store, answer_id, "a", "b", "c")
    heard = listen(store, answer_id, DONE)
    before = [next(heard) for _ in range(cut)] if cut < 4 else list(heard)

    after = list(listen(store, answer_id, DONE, before[-1]["id"] if before else None))

    assert ids(iter([*before, *after])) == ["1-1", "1-2", "1-3", "1000-0"]


@pytest.mark.parametrize("nonsense", ["", "x", "1", "-1-0", "1-2-3", "99999-1", "١-١", "1-1\n", "1000-1"])
def test_what_is_no_position_starts_from_the_beginning(store: redis.Redis, answer_id: str, nonsense: str) -> None:
    written(store, answer_id, "a")

    assert ids(listen(store, answer_id, DONE, nonsense)) == ["1-1", "1000-0"]


def test_another_attempt_begins_with_a_restart(store: redis.Redis, answer_id: str) -> None:
    written(store, answer_id, "a", "wrong", end=None)
    again = telling(store, answer_id, 2)
    again.token("a ")
    again.end("completed")

    heard = list(listen(store, answer_id, DONE, "1-1"))

    assert [(event["id"], event["event"]) for event in heard] == [
        ("1-2", "token"),
        ("2-1", "restart"),
        ("2-2", "token"),
        ("1000-0", "completed"),
    ]


def test_a_gap_is_noticed_and_the_whole_waited_for(store: redis.Redis, answer_id: str) -> None:
    """Redis has lost its data in the middle of an answer."""
    told = written(store, answer_id, "a", "b", end=None)
    heard = listen(store, answer_id, DONE)
    before = [next(heard), next(heard)]
    store.delete(f"chat:{answer_id}")
    told.token("c ")
    store.xtrim(f"chat:{answer_id}", maxlen=0)
    told.token("d ")
    told.end("completed")

    after = list(heard)

    assert [event["event"] for event in before + after] == ["token", "token", "restart", "completed"]
    assert after[-1]["data"] == DONE


def test_what_redis_does_not_take_is_told_with_the_next_piece(store: redis.Redis, answer_id: str) -> None:
    told = telling(store, answer_id)
    told.token("a ")
    told._cache = redis.Redis(host="127.0.0.1", port=1)
    told.token("b ")
    told._cache = store
    told.token("c ")
    told.end("completed")

    heard = list(listen(store, answer_id, DONE))

    assert "".join(event["data"].get("text", "") for event in heard[:-1]) == DONE["content"]


def test_an_answer_whose_stream_has_gone_is_told_all_the_same(store: redis.Redis, answer_id: str) -> None:
    assert [event["event"] for event in listen(store, answer_id, DONE)] == ["completed"]


def test_while_redis_is_away_the_chat_service_is_asked(answer_id: str) -> None:
    nowhere = redis.Redis(host="127.0.0.1", port=1, decode_responses=True)
    states = iter([WRITING, WRITING, DONE])

    heard = list(listen(nowhere, answer_id, lambda: next(states)))

    assert [event["event"] for event in heard] == ["completed"]


def test_while_the_chat_service_restarts_the_listener_waits(store: redis.Redis, answer_id: str) -> None:
    answers: Iterator[Any] = iter([Unavailable("service_unavailable", "…"), DONE])

    def ask() -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert [event["event"] for event in listen(store, answer_id, ask)] == ["completed"]


def test_a_chat_service_that_stays_away_is_not_waited_for_without_end(
    store: redis.Redis, answer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_stream, "GIVE_UP_S", 1.0)

    def ask() -> Any:
        raise Unavailable("service_unavailable", "…")

    assert list(listen(store, answer_id, ask)) == []


def test_an_answer_that_is_deleted_meanwhile_fails(store: redis.Redis, answer_id: str) -> None:
    def ask() -> Any:
        raise NotFound("conversation_not_found", "There is no such conversation.")

    (event,) = listen(store, answer_id, ask)

    assert (event["event"], event["data"]) == ("failed", {"code": "conversation_not_found"})


def test_a_silent_stream_is_kept_alive(store: redis.Redis, answer_id: str) -> None:
    assert next(listen(store, answer_id, WRITING, keepalive_s=0.5)) == {"": "still writing"}


def test_an_end_that_is_told_twice_is_heard_once(store: redis.Redis, answer_id: str) -> None:
    written(store, answer_id, "a")
    tell_end(store, 60, answer_id, "failed")

    assert ids(listen(store, answer_id, DONE)) == ["1-1", "1000-0"]
