"""What all event streams share: a listener's place in this process, the Redis streams behind them, events as text."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

import redis
from prometheus_client import Gauge
from werkzeug.wrappers import Response

from services.gateway.call import Call
from services.gateway.route import EVENTS
from services.kernel.errors import Unavailable

POLL_S = 2.0
AT_ONCE = 50

Kind = Literal["scan", "chat"]

STREAMS = Gauge("eco2_gateway_streams", "Event streams that are open: of a scan or of a chat's answer", ["kind"])
for _kind in get_args(Kind):
    STREAMS.labels(_kind)

Entry = tuple[str, str, dict[str, Any]]
"""The id, the event and the data of a stream's entry."""


class Listener:
    """One of the places for listeners; given back, once, however its stream ends."""

    def __init__(self, call: Call, kind: Kind) -> None:
        """Raises `Unavailable` ``too_many_streams`` where none is free."""
        self._free = call.services.listeners
        if not self._free.acquire(blocking=False):
            raise Unavailable("too_many_streams", "Too many clients listen here. Ask for the state itself instead.")
        self._taken = True
        self._open = STREAMS.labels(kind)
        self._open.inc()
        self._lines: Iterator[str] = iter(())

    def stream(self, lines: Iterator[str]) -> Response:
        """The answer that sends `lines` as they come."""
        self._lines = lines
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return Response(self, headers=headers, content_type=f"{EVENTS.type}; charset=utf-8")

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def close(self) -> None:
        if self._taken:
            self._taken = False
            self._open.dec()
            self._free.release()


def read(cache: redis.Redis, stream: str, position: str, pause: Callable[[float], None]) -> list[Entry]:
    """The entries of a Redis stream after `position`; waits for a moment when there are none, or Redis is away."""
    try:
        found: Any = cache.xread({stream: position}, block=int(POLL_S * 500), count=AT_ONCE)
    except redis.RedisError:
        pause(POLL_S / 2)
        return []
    return [
        (entry_id, fields["event"], json.loads(fields["data"]))
        for _, entries in found or []
        for entry_id, fields in entries
    ]


def event_text(entry_id: str, event: str, data: dict[str, Any]) -> str:
    """An event in the event-stream format."""
    return f"retry: 2000\nid: {entry_id}\nevent: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
