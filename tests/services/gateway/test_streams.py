"""The progress stream: in order, once, resumable, with and without Redis."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
import redis
from eventlet.semaphore import Semaphore
from uuid6 import uuid7

from services.gateway.listening import Listener
from services.gateway.streams import follow
from services.kernel.errors import Unavailable
from services.waste.progress import tell_end, tell_stage
from services.waste.scans import STAGES
from tests.stack import TestStack

RUNNING = {"status": "processing", "stage": "vision", "percent": 40}
ALL = ["0-1", "10-0", "40-0", "55-0", "90-0", "100-0"]
DONE = {"status": "completed", "stage": "done", "percent": 100, "result": {"item_id": "paper_cup"}}


@pytest.fixture(scope="module")
def cache(stack: TestStack) -> redis.Redis:
    return redis.Redis.from_url(stack.settings["ECO2_REDIS_URL"], decode_responses=True)


@pytest.fixture
def scan_id() -> str:
    return str(uuid7())


def told(cache: redis.Redis, scan_id: str, *stages: str) -> None:
    for stage in stages:
        if stage in STAGES:
            tell_stage(cache, 60, scan_id, stage)
        else:
            tell_end(cache, 60, scan_id, stage)


def events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """Each event as its fields; comments as {"": text}."""
    for block in lines:
        fields = [line.partition(":") for line in block.strip().splitlines()]
        yield {name: value.strip() for name, _, value in fields}


def listen(cache: Any, scan_id: str, scan: Any, last_id: str | None = None, keepalive_s: float = 60) -> Iterator[dict]:
    ask = scan if callable(scan) else lambda: {"scan_id": scan_id, **scan}
    return events(follow(cache, scan_id, last_id, ask, keepalive_s=keepalive_s, pause=eventlet.sleep))


def test_what_was_told_before_comes_first_and_the_last_event_carries_the_scan(cache: redis.Redis, scan_id: str) -> None:
    told(cache, scan_id, *STAGES, "completed")

    heard = list(listen(cache, scan_id, DONE))

    assert [event["id"] for event in heard] == ALL
    assert heard[-1]["event"] == "completed"
    assert json.loads(heard[-1]["data"])["result"] == {"item_id": "paper_cup"}


def test_what_is_told_twice_or_late_is_heard_once_and_in_order(cache: redis.Redis, scan_id: str) -> None:
    told(cache, scan_id, "queued", "stored", "stored", "rules", "vision", "stored", "completed", "answer", "completed")

    assert [event["id"] for event in listen(cache, scan_id, DONE)] == ALL


def test_a_failed_scan_tells_no_stage_that_it_has_not_reached(cache: redis.Redis, scan_id: str) -> None:
    told(cache, scan_id, "queued", "stored", "failed")

    heard = listen(cache, scan_id, {**DONE, "status": "failed"})

    assert [(event["id"], event["event"]) for event in heard] == [
        ("0-1", "stage"),
        ("10-0", "stage"),
        ("100-0", "failed"),
    ]


@pytest.mark.parametrize(
    ("last_id", "next_id"), [("10-0", "40-0"), ("nonsense", "0-1"), ("999-0", "0-1"), ("0-1", "10-0")]
)
def test_a_listener_resumes_where_it_was_cut_off(cache: redis.Redis, scan_id: str, last_id: str, next_id: str) -> None:
    told(cache, scan_id, "vision", "completed")

    assert next(listen(cache, scan_id, DONE, last_id))["id"] == next_id


def test_a_listener_that_has_heard_the_end_hears_no_more(cache: redis.Redis, scan_id: str) -> None:
    told(cache, scan_id, "completed")

    assert list(listen(cache, scan_id, DONE, "100-0")) == []


@pytest.mark.parametrize("heard_before", range(len(ALL) + 1))
def test_a_gateway_that_restarts_loses_and_repeats_nothing(stack: TestStack, scan_id: str, heard_before: int) -> None:
    """The listener is cut off after each event in turn and goes on at another gateway, with a connection of its own."""

    def gateway(last_id: str | None) -> Iterator[dict[str, str]]:
        connection = redis.Redis.from_url(stack.settings["ECO2_REDIS_URL"], decode_responses=True)
        return listen(connection, scan_id, DONE, last_id)

    cache = redis.Redis.from_url(stack.settings["ECO2_REDIS_URL"], decode_responses=True)
    told(cache, scan_id, *STAGES, "completed")

    first = gateway(None)
    before = [next(first)["id"] for _ in range(heard_before)]
    first.close()  # type: ignore[attr-defined]
    after = [event["id"] for event in gateway(before[-1] if before else None)]

    assert before + after == ALL


def test_what_is_told_while_no_gateway_runs_is_heard_from_the_next_one(cache: redis.Redis, scan_id: str) -> None:
    told(cache, scan_id, "queued", "stored")
    first = listen(cache, scan_id, RUNNING)
    before = [next(first)["id"], next(first)["id"]]
    first.close()  # type: ignore[attr-defined]
    told(cache, scan_id, "vision", "rules", "answer", "completed")

    after = [event["id"] for event in listen(cache, scan_id, DONE, before[-1])]

    assert before + after == ALL


def test_a_listeners_place_is_given_back_once_however_often_its_stream_is_closed() -> None:
    call: Any = SimpleNamespace(services=SimpleNamespace(listeners=Semaphore(1)))
    stream = Listener(call, "scan").stream(iter(["a line"]))
    with pytest.raises(Unavailable, match="too_many_streams"):
        Listener(call, "chat")

    assert stream.get_data() == b"a line"
    stream.close()
    stream.close()

    assert call.services.listeners.balance == 1


def test_a_finished_scan_whose_stream_has_gone_is_told_all_the_same(cache: redis.Redis, scan_id: str) -> None:
    assert [event["event"] for event in listen(cache, scan_id, DONE)] == ["completed"]


def test_while_redis_is_away_the_waste_service_is_asked(scan_id: str) -> None:
    nowhere = redis.Redis(host="127.0.0.1", port=1, decode_responses=True)
    states = iter([RUNNING, RUNNING, DONE, DONE])

    heard = list(listen(nowhere, scan_id, lambda: {"scan_id": scan_id, **next(states)}))

    assert [event["id"] for event in heard] == ["40-0", "100-0"]


def test_while_the_waste_service_restarts_the_listener_waits(cache: redis.Redis, scan_id: str) -> None:
    answers = iter(
        [Unavailable("service_unavailable", "…"), {"scan_id": scan_id, **DONE}, {"scan_id": scan_id, **DONE}]
    )

    def ask() -> dict[str, Any]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert [event["event"] for event in listen(cache, scan_id, ask)] == ["completed"]


def test_a_silent_stream_is_kept_alive(cache: redis.Redis, scan_id: str) -> None:
    told(cache, scan_id, "vision")
    heard = listen(cache, scan_id, RUNNING, "40-0", keepalive_s=1)

    assert next(heard) == {"": "still working"}
