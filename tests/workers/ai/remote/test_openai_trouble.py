"""Every way in which a model behind a network lets one down, through the real client: what is tried again, what falls
back, what it costs, and that nobody hangs.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
import redis

from services.kernel.config import Price
from services.kernel.openai.calls import Caller, Patience, breaker
from services.kernel.openai.limits import DailyBudget, TokenBuckets
from services.kernel.openai.prices import PriceList
from services.kernel.openai.protocol import Question, Reply
from services.kernel.openai.usage import ModelUnavailable
from tests.doubles.openai_server import Fault, OpenAIServer
from tests.workers.ai.remote.conftest import Far
from tests.workers.ai.remote.replies import sees, thing
from workers.ai.grounding import Grounding

PASSING = {
    "timeout": (Fault.latency(3), "timeout"),
    "hang": (Fault.hang(), "timeout"),
    "too many requests": (Fault.too_many_requests(0.2), "rate_limited"),
    "error 500": (Fault.server_error(500), "server_error"),
    "error 503": (Fault.server_error(503), "server_error"),
    "no JSON": (Fault.malformed_json(), "malformed"),
    "JSON of another kind": (Fault.not_a_response(), "malformed"),
    "output is no JSON": (Fault.output_malformed(), "malformed"),
    "output of other types": (Fault.output_wrong_types(), "malformed"),
    "incomplete": (Fault.incomplete(), "incomplete"),
    "failed": (Fault.response_failed(), "server_error"),
    "closed before the answer": (Fault.connection_closed(), "connection"),
    "cut in the body": (Fault.body_cut(), "connection"),
}
IN_THE_STREAM = {
    "cut in the stream": (Fault.stream_cut(), "cut"),
    "cut in the body of a stream": (Fault.body_cut(), "cut"),
    "an error in the stream": (Fault.stream_error(), "server_error"),
    "failed in the stream": (Fault.response_failed(), "server_error"),
    "refused in the stream": (Fault.refusal(), "refused"),
    "hangs before the stream": (Fault.hang(), "timeout"),
}
ANYTHING = Grounding("paper", "책", ("종이류",), (), (), "ko")
LASTING = {"refusal": (Fault.refusal(), "refused"), "quota": (Fault.insufficient_quota(), "quota")}
NOT_OF_CHAT = {"failed", "failed in the stream", "an error in the stream"}
"""Chat Completions has no such replies and events."""


def by_api(names: Iterable[str]) -> list[tuple[str, str]]:
    """Each fault with each protocol that has it."""
    named = list(names)
    return [(name, "responses") for name in named] + [(name, "chat") for name in named if name not in NOT_OF_CHAT]


def patience(reason: str) -> float:
    """Seconds to wait for the server's next word: few only where it is to have none."""
    return 1.5 if reason == "timeout" else 30


@pytest.mark.parametrize(("name", "api"), by_api(PASSING))
def test_a_passing_fault_costs_a_second_try(server: OpenAIServer, far: Far, photo: bytes, name: str, api: str) -> None:
    sees(server, thing())
    server.fail(PASSING[name][0], times=1)

    patience_s = patience(PASSING[name][1])
    assert far(api=api, read_timeout_s=patience_s).vision.recognise(photo).item_id == "pizza_box"
    assert len(server.requests) == 2


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_stays_is_told_after_the_last_try(server: OpenAIServer, far: Far, photo: bytes, name: str) -> None:
    fault, reason = PASSING[name]
    server.fail(fault, times=10)

    with pytest.raises(ModelUnavailable) as error:
        far(max_attempts=2, read_timeout_s=patience(reason)).vision.recognise(photo)

    assert error.value.reason == reason
    assert len(server.requests) == 2


@pytest.mark.parametrize(("name", "api"), by_api(IN_THE_STREAM))
def test_a_fault_of_the_streamed_answer_is_told(server: OpenAIServer, far: Far, name: str, api: str) -> None:
    """What had come of it is not used."""
    fault, reason = IN_THE_STREAM[name]
    server.fail(fault, times=10)

    with pytest.raises(ModelUnavailable) as error:
        far(api=api, max_attempts=1, read_timeout_s=patience(reason)).answers.word(
            {"place_id": "paper"}, ANYTHING, "ko"
        )

    assert error.value.reason == reason


@pytest.mark.parametrize("name", LASTING)
def test_what_will_not_pass_is_not_tried_again(server: OpenAIServer, far: Far, photo: bytes, name: str) -> None:
    fault, reason = LASTING[name]
    server.fail(fault, times=10)

    with pytest.raises(ModelUnavailable) as error:
        far().vision.recognise(photo)

    assert error.value.reason == reason
    assert len(server.requests) == 1


def test_a_wrong_key_is_told_and_not_tried_again(server: OpenAIServer, far: Far, photo: bytes) -> None:
    with pytest.raises(ModelUnavailable) as error:
        far(key="sk-wrong").vision.recognise(photo)

    assert error.value.reason == "rejected"
    assert len(server.requests) == 1


def test_retry_after_is_obeyed(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing())
    server.fail(Fault.too_many_requests(retry_after_s=1.2), times=1)

    began = time.monotonic()
    far().vision.recognise(photo)

    first, second = server.requests
    assert second.began_s - (first.ended_s or 0) >= 1.15
    assert time.monotonic() - began < 8


def test_a_retry_after_beyond_our_time_is_not_waited_for(server: OpenAIServer, far: Far, photo: bytes) -> None:
    server.fail(Fault.too_many_requests(retry_after_s=60), times=5)

    began = time.monotonic()
    with pytest.raises(ModelUnavailable) as error:
        far(deadline_s=5).vision.recognise(photo)

    assert error.value.reason == "rate_limited"
    assert time.monotonic() - began < 4


def test_an_unreachable_server_is_told(far: Far, photo: bytes) -> None:
    with pytest.raises(ModelUnavailable) as error:
        far(base_url="http://127.0.0.1:9/v1", max_attempts=2).vision.recognise(photo)

    assert error.value.reason == "connection"


# The circuit breaker


def test_after_failures_in_a_row_nobody_asks_for_a_while(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing())
    server.fail(Fault.server_error(500), times=3)
    vision = far(breaker_failures=3, breaker_reset_s=1, max_attempts=1).vision
    for _ in range(3):
        with pytest.raises(ModelUnavailable):
            vision.recognise(photo)

    with pytest.raises(ModelUnavailable) as error:
        vision.recognise(photo)
    assert error.value.reason == "breaker_open"
    assert len(server.requests) == 3

    time.sleep(1.1)
    assert vision.recognise(photo).item_id == "pizza_box"
    assert vision.recognise(photo).item_id == "pizza_box"


def test_an_unusable_reply_is_no_reason_to_open_the_breaker(server: OpenAIServer, far: Far, photo: bytes) -> None:
    """The server works; this photo, or this model, does not."""
    sees(server, thing())
    server.fail(Fault.refusal(), times=4)
    vision = far(breaker_failures=2, max_attempts=1).vision
    for _ in range(4):
        with pytest.raises(ModelUnavailable):
            vision.recognise(photo)

    assert vision.recognise(photo).item_id == "pizza_box"


def test_calls_that_the_deadline_cuts_off_open_the_breaker(memory_server: redis.Redis) -> None:
    """A server that drips never times out by itself; the deadline comes from outside, and is no Exception there."""

    class DeadlineOver(BaseException):
        pass

    @contextmanager
    def within(_: float) -> Iterator[None]:
        try:
            yield
        except DeadlineOver:
            raise TimeoutError from None

    def drips(_: Question) -> Reply:
        raise DeadlineOver

    caller = Caller(
        drips,
        prices=PriceList({"m": Price(input=1, cached=1, output=1)}, 1000),
        buckets=TokenBuckets(memory_server, requests_per_minute=100, tokens_per_minute=10**6),
        budget=DailyBudget(memory_server, 10**6),
        breaker=breaker(2, 60),
        patience=Patience(1, 3, 0),
        within=within,
    )
    reasons = []
    for _ in range(3):
        with pytest.raises(ModelUnavailable) as error:
            caller.ask(Question("m", "", "", "q", {}, 10), lambda reply: reply.text)
        reasons.append(error.value.reason)

    assert reasons == ["timeout", "timeout", "breaker_open"]


# The limits and the budget, which all workers share


def test_requests_over_the_limit_wait_for_their_turn(
    server: OpenAIServer, far: Far, photo: bytes, memory_server: redis.Redis
) -> None:
    sees(server, thing())
    buckets = TokenBuckets(memory_server, requests_per_minute=60, tokens_per_minute=10**6)
    vision = far(requests_per_minute=60, limit_wait_s=5, tokens_per_minute=10**6).vision
    while not buckets.take("gpt-5-mini", 1):
        pass
    began = time.monotonic()

    vision.recognise(photo)

    assert time.monotonic() - began > 0.7


def test_workers_share_the_limit(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing())
    one, other = (far(requests_per_minute=2, limit_wait_s=0).vision for _ in range(2))
    one.recognise(photo)
    other.recognise(photo)

    with pytest.raises(ModelUnavailable) as error:
        one.recognise(photo)

    assert error.value.reason == "limited"
    assert len(server.requests) == 2


def test_tokens_are_limited_too(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing())
    vision = far(tokens_per_minute=5000, limit_wait_s=0).vision
    vision.recognise(photo)

    with pytest.raises(ModelUnavailable) as error:
        vision.recognise(photo)

    assert error.value.reason == "limited"


def test_the_budget_of_the_day_is_not_passed(
    server: OpenAIServer, far: Far, photo: bytes, memory_server: redis.Redis
) -> None:
    sees(server, thing())
    vision = far(daily_budget_won=8).vision
    spent = 0.0

    reason = None
    while reason is None:
        try:
            usage = vision.recognise(photo).usage
            assert usage is not None
            spent += usage.won
        except ModelUnavailable as error:
            reason = error.reason

    assert reason == "budget_spent"
    assert 0 < spent <= 8
    (kept,) = (float(str(memory_server.get(key))) for key in memory_server.scan_iter("ai:won:*"))
    assert kept == pytest.approx(spent)


def test_a_failed_call_that_was_not_charged_gives_its_reserve_back(
    server: OpenAIServer, far: Far, photo: bytes, memory_server: redis.Redis
) -> None:
    server.fail(Fault.server_error(500), times=9)

    with pytest.raises(ModelUnavailable):
        far(max_attempts=3).vision.recognise(photo)

    (kept,) = (float(str(memory_server.get(key))) for key in memory_server.scan_iter("ai:won:*"))
    assert kept == pytest.approx(0, abs=1e-9)


def test_a_call_that_may_have_been_charged_keeps_its_reserve(
    server: OpenAIServer, far: Far, photo: bytes, memory_server: redis.Redis
) -> None:
    server.fail(Fault.latency(3), times=9)

    with pytest.raises(ModelUnavailable):
        far(max_attempts=1, read_timeout_s=0.5).vision.recognise(photo)

    (kept,) = (float(str(memory_server.get(key))) for key in memory_server.scan_iter("ai:won:*"))
    assert kept > 0


def test_an_unusable_reply_is_paid_for_all_the_same(server: OpenAIServer, far: Far, photo: bytes) -> None:
    server.fail(Fault.refusal(), times=1)

    with pytest.raises(ModelUnavailable) as error:
        far().vision.recognise(photo)

    assert error.value.usage is not None
    assert error.value.usage.won > 0


def test_without_redis_nothing_is_spent(server: OpenAIServer, far: Far, photo: bytes) -> None:
    """What has been spent is not known then, nor what others ask."""
    nowhere = redis.Redis(port=9, socket_connect_timeout=0.2)

    with pytest.raises(ModelUnavailable) as error:
        far(client=nowhere).vision.recognise(photo)

    assert error.value.reason == "limits_unknown"
    assert server.requests == []
