"""Calls that end, and events that are not lost."""

import time
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from nameko.events import EventDispatcher
from nameko.rpc import rpc

from services.kernel.errors import NotFound, Unavailable
from services.kernel.events import event_handler
from services.kernel.rpc import Remote
from services.kernel.service import EcoService
from tests.services.running import Running, eventually, running
from tests.stack import TestStack

heard: list[tuple[str, int]] = []
over = eventlet.event.Event()
"""Until then a slow call has no answer."""


class Callee(EcoService):
    name = "test_callee"

    @rpc
    def slow(self) -> None:
        over.wait(60)

    @rpc(expected_exceptions=NotFound)
    def nothing(self) -> None:
        raise NotFound("thing_not_found", "There is no such thing.", [{"field": "thing", "message": "unknown"}])

    @rpc
    def lost_database(self) -> None:
        raise ConnectionError("server closed the connection")


class Caller(EcoService):
    name = "test_caller"

    callee = Remote("test_callee")
    nobody = Remote("test_nobody")
    announce = EventDispatcher()

    @rpc(expected_exceptions=(NotFound, Unavailable))
    def ask(self, who: str, what: str) -> Any:
        return getattr(getattr(self, who), what)()

    @rpc
    def say(self, word: str) -> None:
        self.announce("said", word)

    @event_handler("test_caller", "said")
    def on_said(self, word: str) -> None:
        heard.append((word, len(heard)))
        times = len([one for one, _ in heard if one == word])
        if word == "always fails" or (word == "fails twice" and times <= 2):
            raise RuntimeError("not today")


@pytest.fixture(scope="module")
def caller(stack: TestStack) -> Iterator[Running]:
    config = stack.config
    quick = config.events.model_copy(update={"retry_delay_s": 0.2, "max_attempts": 4})
    config = config.model_copy(update={"rpc_timeout_s": 3.0, "events": quick})
    with running(Callee, config), running(Caller, config) as service:
        yield service
        over.send()


def times(word: str) -> int:
    return len([one for one, _ in heard if one == word])


def test_a_call_that_gets_no_answer_ends_before_the_answer_would_come(caller: Running) -> None:
    problem = caller.refuses(caller.call.ask, "callee", "slow")

    assert isinstance(problem, Unavailable)
    assert not over.ready()


def test_a_call_to_a_service_that_does_not_run_ends_at_once(caller: Running) -> None:
    problem = caller.refuses(caller.call.ask, "nobody", "anything")

    assert isinstance(problem, Unavailable)
    assert "not running" in problem.detail  # which is said without waiting; who waited says that there is no answer


def test_a_problem_arrives_as_it_was_raised(caller: Running) -> None:
    problem = caller.refuses(caller.call.ask, "callee", "nothing")

    assert isinstance(problem, NotFound)
    assert (problem.code, problem.errors) == ("thing_not_found", [{"field": "thing", "message": "unknown"}])


def test_a_part_that_the_callee_has_lost_makes_it_unavailable(caller: Running) -> None:
    problem = caller.refuses(caller.call.ask, "callee", "lost_database")

    assert isinstance(problem, Unavailable)
    assert "server closed" not in problem.detail


def test_calls_that_were_given_up_leave_nothing_behind(caller: Running) -> None:
    refused = caller.at_once(3, "ask", "callee", "slow") + caller.at_once(3, "ask", "nobody", "anything")

    assert {type(one) for one in refused} == {Unavailable}
    proxy = next(part for part in caller.container.dependencies if part.attr_name == "callee")
    assert proxy.rpc_reply_listener._reply_events == {}


def test_an_event_whose_handler_fails_is_tried_again_after_a_pause(caller: Running) -> None:
    began = time.monotonic()
    caller.call.say("fails twice")

    eventually(lambda: times("fails twice") == 3)

    assert time.monotonic() - began >= 0.4
    eventlet.sleep(0.6)
    assert times("fails twice") == 3


def test_an_event_that_always_fails_ends_in_the_dead_letters_with_its_reason(caller: Running) -> None:
    from kombu import Connection

    caller.call.say("always fails")

    with Connection(str(caller.config.amqp_url)) as connection, connection.channel() as channel:
        dead = eventually(lambda: channel.basic_get("evt-test_caller-said--test_caller.on_said.dead", no_ack=True))
    assert dead.body in ('"always fails"', b'"always fails"')
    assert dead.headers["reason"] == "RuntimeError: not today"
    assert times("always fails") == 4
