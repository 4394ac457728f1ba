"""One trace from the first call through RPC, events and tasks into every log line."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import structlog
from nameko.containers import ServiceContainer
from nameko.events import EventDispatcher
from nameko.rpc import rpc

from services.kernel.events import event_handler
from services.kernel.rpc import Remote
from services.kernel.service import EcoService
from services.kernel.settings import nameko_config
from services.kernel.tracing import Trace
from tests.services.running import Running, eventually, free_port, running

HEARD: list[tuple[str, str]] = []


class Far(EcoService):
    name = "trace_far"

    @rpc
    def note(self) -> str:
        HEARD.append(("rpc", self.tracing.trace_id))
        return str(structlog.contextvars.get_contextvars()["trace_id"])

    @event_handler("trace_near", "told")
    def told(self, event: Any) -> None:
        HEARD.append(("event", self.tracing.trace_id))


class Near(EcoService):
    name = "trace_near"

    far = Remote("trace_far")
    tell = EventDispatcher()

    @rpc
    def begin(self) -> list[str]:
        self.tell("told", {})
        return [self.tracing.trace_id, self.far.note()]


@pytest.fixture
def near(stack: Any) -> Iterator[Running]:
    HEARD.clear()
    with ExitStack() as services:
        far = ServiceContainer(Far, nameko_config(stack.config.model_copy(update={"http_port": free_port()})))
        far.start()
        services.callback(far.stop)
        yield services.enter_context(running(Near, stack.config))


def test_calls_and_events_share_their_callers_trace(near: Running) -> None:
    first, logged = near.call.begin()
    second, _ = near.call.begin()

    eventually(lambda: len(HEARD) == 4)
    assert first == logged
    assert first != second
    assert sorted(HEARD) == sorted([(way, trace) for way in ("rpc", "event") for trace in (first, second)])


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", None),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None),
        ("", None),
        (None, None),
        ("0" * 100_000, None),
    ],
)
def test_a_traceparent_is_read_as_the_standard_says(header: str | None, trace_id: str | None) -> None:
    read = Trace.read(header)

    assert (read.trace_id if read else None) == trace_id


def test_a_child_is_another_span_of_the_same_trace() -> None:
    trace = Trace.begin()
    child = trace.child()

    assert (child.trace_id, child.flags) == (trace.trace_id, trace.flags)
    assert child.span_id != trace.span_id
    assert Trace.read(str(child)) == child
