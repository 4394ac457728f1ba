"""The trace of a request (W3C Trace Context): one id from the edge through RPC, events and tasks into every log line.

Nameko hands a worker's context data on with each call, event and task, so a trace travels by itself; a task keeps it
in the journal, beyond a crash.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Any

import structlog
from nameko.extensions import DependencyProvider

from wal.amqp.timing import SENT

TRACEPARENT = "traceparent"

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)


@dataclass(frozen=True)
class Trace:
    """A place in a trace: its id, the span at work, and whether the trace is sampled."""

    trace_id: str
    span_id: str
    flags: str = "00"

    @classmethod
    def begin(cls) -> "Trace":
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @classmethod
    def read(cls, header: object) -> "Trace | None":
        """The trace of a ``traceparent`` header; None for what is none (https://www.w3.org/TR/trace-context/)."""
        if not isinstance(header, str) or len(header) > 200:
            return None
        found = _FORM.fullmatch(header)
        if found is None or not int(found[1], 16) or not int(found[2], 16) or (header[:2] == "00" and found[4]):
            return None
        return cls(found[1], found[2], found[3])

    def child(self) -> "Trace":
        """The same trace, a new span."""
        return Trace(self.trace_id, secrets.token_hex(8), self.flags)

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


class Context(dict[str, Any]):
    """What a call hands on with all that it sends; and what stays with it."""

    sent_ms: object = None
    """When the call's own message was sent, as its header says."""


class Tracing(DependencyProvider):
    """Puts each call of a service into its trace, and the trace into the call's log lines."""

    def setup(self) -> None:
        # Before any dependency is made for the call: dispatchers and task queues copy the context when they are, and
        # Nameko makes them in no order.
        spawn = self.container.spawn_worker

        def spawn_traced(
            entrypoint: Any, args: Any, kwargs: Any, context_data: Any = None, handle_result: Any = None
        ) -> Any:
            caller = Trace.read((context_data or {}).get(TRACEPARENT))
            trace = caller.child() if caller else Trace.begin()
            context = Context(context_data or {}, **{TRACEPARENT: str(trace)})
            context.sent_ms = context.pop(SENT, None)
            return spawn(entrypoint, args, kwargs, context_data=context, handle_result=handle_result)

        self.container.spawn_worker = spawn_traced

    def get_dependency(self, worker_ctx: Any) -> Trace:
        trace = Trace.read(worker_ctx.data[TRACEPARENT])
        assert trace is not None
        structlog.contextvars.bind_contextvars(trace_id=trace.trace_id, span_id=trace.span_id)
        return trace
