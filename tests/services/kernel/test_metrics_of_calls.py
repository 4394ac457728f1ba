"""What is counted of calls, by calls that are made: how long, how they ended, how long their messages had waited."""

import time
from collections.abc import Iterator
from typing import Any

import eventlet
import httpx
import pytest
from kombu import Connection
from nameko.amqp.publish import Publisher
from nameko.events import EventDispatcher, get_event_exchange
from nameko.exceptions import IncorrectSignature, MethodNotFound
from nameko.rpc import RpcProxy, rpc
from nameko.standalone.rpc import ClusterRpcProxy
from nameko.timer import timer

from services.kernel.errors import NotFound, Problem, Unavailable
from services.kernel.events import event_handler
from services.kernel.rpc import Remote
from services.kernel.sending import waited_s
from services.kernel.service import EcoService
from services.kernel.settings import nameko_config
from services.kernel.web import http
from tests.services.kernel.metering import grows, sample, series
from tests.services.running import Running, eventually, running
from tests.stack import TestStack
from wal.amqp.timing import SENT

HEARD: list[str] = []
TIMEOUT_S = 0.8


class Far(EcoService):
    name = "metered_far"
    over = eventlet.event.Event()

    @rpc(expected_exceptions=Problem)
    def answer(self, how: str) -> str:
        if how == "problem":
            raise NotFound("thing_not_found", "There is no such thing.")
        if how == "busy":
            raise Unavailable("far_busy", "Try again shortly.")
        if how == "lost":
            raise ConnectionError("server closed the connection")
        if how == "broken":
            raise KeyError(how)
        if how == "late":
            eventlet.sleep(TIMEOUT_S + 0.4)
        if how == "hang":
            self.over.wait()
        return how


class Near(EcoService):
    name = "metered_near"

    far = Remote("metered_far")
    nobody = Remote("metered_nobody")
    plain = RpcProxy("metered_far")  # Nameko's own: hands the context on, and says nothing of its own
    tell = EventDispatcher()

    @rpc(expected_exceptions=(Problem, Exception))
    def ask(self, how: str) -> Any:
        return self.nobody.answer() if how == "nobody" else self.far.answer(how)

    @rpc
    def wait_then_tell(self, seconds: float, word: str) -> None:
        eventlet.sleep(seconds)
        self.far.answer("fine")
        self.tell("told", word)

    @event_handler("metered_near", "told")
    def on_told(self, word: str) -> None:
        HEARD.append(word)
        if word == "fails once" and HEARD.count(word) == 1:
            raise RuntimeError("not today")
        if word == "relay":
            eventlet.sleep(0.6)
            self.plain.answer("fine")

    @timer(interval=0.2)
    def tick(self) -> None: ...

    @http("GET", "/page")
    def page(self, request: Any) -> str:
        return "a page"


@pytest.fixture(scope="module")
def near(stack: TestStack) -> Iterator[Running]:
    quick = stack.config.events.model_copy(update={"retry_delay_s": 0.3, "max_attempts": 4})
    config = stack.config.model_copy(update={"rpc_timeout_s": TIMEOUT_S, "events": quick, "max_workers": 4})
    with running(Far, config), running(Near, config) as service:
        yield service


def asked(near: Running, how: str) -> None:
    try:
        near.call.ask(how)
    except Exception:
        assert how != "fine"


@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ("fine", "ok"),
        ("problem", "problem"),
        ("broken", "error"),
        ("late", "timeout"),
        ("busy", "unavailable"),
        ("lost", "unavailable"),
    ],
)
def test_a_caller_counts_how_its_call_ended(near: Running, how: str, outcome: str) -> None:
    labels = {"service": "metered_far", "method": "answer", "outcome": outcome}
    with grows("eco2_rpc_request_seconds_count", **labels):
        asked(near, how)


def test_a_caller_counts_that_nobody_was_there(near: Running) -> None:
    with grows("eco2_rpc_request_seconds_count", service="metered_nobody", method="answer", outcome="unavailable"):
        asked(near, "nobody")


def test_a_call_that_is_given_up_took_as_long_as_its_caller_waited(near: Running) -> None:
    labels = {"service": "metered_far", "method": "answer", "outcome": "timeout"}
    before = sample("eco2_rpc_request_seconds_sum", **labels)

    asked(near, "late")

    assert TIMEOUT_S <= sample("eco2_rpc_request_seconds_sum", **labels) - before < TIMEOUT_S + 0.4


@pytest.mark.parametrize(("how", "outcome"), [("fine", "ok"), ("problem", "NotFound"), ("broken", "KeyError")])
def test_a_service_counts_each_rpc_by_its_outcome(near: Running, how: str, outcome: str) -> None:
    labels = {"service": "metered_far", "method": "answer", "kind": "rpc", "outcome": outcome}
    with grows("eco2_call_seconds_count", **labels):
        asked(near, how)


def test_events_timers_and_requests_are_counted_as_such(near: Running) -> None:
    def count(kind: str, method: str) -> float:
        return sample("eco2_call_seconds_count", service="metered_near", method=method, kind=kind, outcome="ok")

    events, timers, requests = count("event", "on_told"), count("timer", "tick"), count("http", "page")

    near.call.wait_then_tell(0, "hello")
    page(near)

    eventually(lambda: count("event", "on_told") == events + 1)
    eventually(lambda: count("http", "page") == requests + 1)
    eventually(lambda: count("timer", "tick") > timers)


def page(near: Running) -> None:
    assert httpx.get(f"http://127.0.0.1:{near.config.http_port}/page").text == "a page"


def waited(service: str, kind: str) -> tuple[float, float]:
    """How many messages had waited, and the seconds of all together."""
    return (
        sample("eco2_call_queue_seconds_count", service=service, kind=kind),
        sample("eco2_call_queue_seconds_sum", service=service, kind=kind),
    )


def test_a_message_that_waits_for_a_worker_says_for_how_long(near: Running) -> None:
    near.at_once(4, "ask", "hang")  # they are given up, and the far service has all its workers at work for them
    eventually(lambda: sample("eco2_workers_busy", service="metered_far") == 4)
    begun, seconds = waited("metered_far", "rpc")

    fifth = eventlet.spawn(asked, near, "fine")
    eventlet.sleep(0.5)
    assert waited("metered_far", "rpc")[0] == begun
    Far.over.send()
    fifth.wait()

    eventually(lambda: waited("metered_far", "rpc")[0] == begun + 1)
    assert 0.2 < waited("metered_far", "rpc")[1] - seconds < TIMEOUT_S


def test_the_time_of_sending_is_that_of_the_message_and_not_of_the_call_that_sends_it(near: Running) -> None:
    calls, called_s = waited("metered_far", "rpc")
    events, told_s = waited("metered_near", "event")

    near.call.wait_then_tell(0.8, "after a while")

    eventually(lambda: waited("metered_near", "event")[0] == events + 1)
    assert waited("metered_far", "rpc")[0] == calls + 1
    assert waited("metered_far", "rpc")[1] - called_s < 0.7
    assert waited("metered_near", "event")[1] - told_s < 0.7


def test_a_call_does_not_hand_on_when_its_own_message_was_sent(near: Running) -> None:
    """The event says when it was sent; what its handler sends on does not say that once more."""
    far = {"service": "metered_far", "method": "answer", "kind": "rpc", "outcome": "ok"}
    calls, told = sample("eco2_call_seconds_count", **far), waited("metered_far", "rpc")

    near.call.wait_then_tell(0, "relay")

    eventually(lambda: sample("eco2_call_seconds_count", **far) == calls + 2)
    assert waited("metered_far", "rpc")[0] == told[0] + 1
    assert waited("metered_far", "rpc")[1] - told[1] < 0.5


def test_the_pause_before_an_event_is_tried_again_is_not_counted_as_waiting(near: Running) -> None:
    HEARD.clear()
    events, seconds = waited("metered_near", "event")

    near.call.wait_then_tell(0, "fails once")

    eventually(lambda: HEARD.count("fails once") == 2)
    ok = {"service": "metered_near", "method": "on_told", "kind": "event", "outcome": "ok"}
    eventually(lambda: sample("eco2_call_seconds_count", **ok))
    assert waited("metered_near", "event")[0] == events + 1
    assert waited("metered_near", "event")[1] - seconds < 0.3


def test_a_message_that_does_not_say_when_it_was_sent_is_not_counted(near: Running) -> None:
    before = waited("metered_near", "rpc")

    near.call.wait_then_tell(0, "hello")  # the tests' own proxy sets no such header

    assert waited("metered_near", "rpc") == before


@pytest.mark.parametrize("header", [10**15, "soon", None, [1]])
def test_a_wrong_time_of_sending_is_never_a_negative_or_a_wild_wait(near: Running, header: object) -> None:
    """10**15 is far ahead: a clock that goes wrong. The others are no times."""
    HEARD.clear()
    _, seconds = waited("metered_near", "event")

    exchange = get_event_exchange("metered_near", {})
    Publisher(str(near.config.amqp_url)).publish(
        "skewed", exchange=exchange, routing_key="told", extra_headers={SENT: header}
    )

    eventually(lambda: "skewed" in HEARD)
    assert waited("metered_near", "event")[1] == seconds


@pytest.mark.parametrize("header", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_time_at_all_is_no_wait(header: float) -> None:
    assert waited_s(header) is None


def test_methods_that_do_not_exist_and_strange_arguments_make_no_series(near: Running) -> None:
    asked(near, "fine")
    asked(near, "problem")
    near.call.wait_then_tell(0, "hello")
    time.sleep(0.1)
    before = series()

    with ClusterRpcProxy(nameko_config(near.config), timeout=15) as cluster:
        for number in range(20):
            with pytest.raises(MethodNotFound):
                getattr(cluster.metered_far, f"unknown_{number}")(number)
            with pytest.raises(IncorrectSignature):
                cluster.metered_far.answer(**{f"unknown_{number}": number})
            near.call.wait_then_tell(0, f"word {number}")

    time.sleep(0.1)
    assert series() - before == set()


def test_the_time_of_sending_arrives_as_it_was_sent(near: Running) -> None:
    """The header is an integer that RabbitMQ keeps: milliseconds do not fit into 32 bits."""
    with Connection(str(near.config.amqp_url)) as connection, connection.channel() as channel:
        queue = channel.queue_declare("", exclusive=True).queue
        exchange = get_event_exchange("metered_near", {})
        channel.queue_bind(queue, exchange.name, "told")
        near.call.wait_then_tell(0, "look at me")
        message = eventually(lambda: channel.basic_get(queue, no_ack=True))

    assert abs(message.headers[SENT] - time.time() * 1000) < 5_000
