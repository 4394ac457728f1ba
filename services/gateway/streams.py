"""A scan's progress as server-sent events, from the scan's Redis stream; any gateway can resume it.

Every event's id is the id of the stream's entry, so ``Last-Event-ID`` goes on exactly where it broke off.
Where the stream is silent (or Redis is away) the waste service is asked, so the end is never missed.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import redis

from services.kernel.errors import Unavailable

POLL_S = 2.0
FINISHED = ("completed", "failed")
START = "0-0"


def follow(
    cache: redis.Redis,
    scan_id: str,
    last_id: str | None,
    ask: Callable[[], dict[str, Any]],
    *,
    keepalive_s: float,
    pause: Callable[[float], None],
) -> Iterator[str]:
    """The events of a scan after `last_id`, as text in the event-stream format, until it is finished.

    `ask` gives the scan as the waste service knows it; the last event carries it whole.
    """
    position = _position(last_id)
    spoken = time.monotonic()
    while True:
        entries = _read(cache, scan_id, position, pause)
        scan: dict[str, Any] | None = None
        if not entries:
            try:
                scan = ask()
            except Unavailable:  # the waste service restarts: the client need not notice
                pause(POLL_S / 2)
            else:
                entries = _of_scan(scan, position)
        for entry_id, event, data in entries:
            position = entry_id
            if event in FINISHED:
                yield _event(entry_id, event, scan if scan and scan["status"] in FINISHED else ask())
                return
            yield _event(entry_id, event, data)
            spoken = time.monotonic()
        if scan is not None and scan["status"] in FINISHED:  # the client has the last event already
            return
        if time.monotonic() - spoken >= keepalive_s:
            yield ": still working\n\n"
            spoken = time.monotonic()


def _position(last_id: str | None) -> str:
    """The stream position that a client's Last-Event-ID names; what is none starts from the beginning."""
    milestone, _, sequence = (last_id or "").partition("-")
    known = milestone.isascii() and milestone.isdigit() and sequence in ("0", "1") and int(milestone) <= 100
    return f"{int(milestone)}-{sequence}" if known else START


def _read(
    cache: redis.Redis, scan_id: str, position: str, pause: Callable[[float], None]
) -> list[tuple[str, str, dict[str, Any]]]:
    try:
        found: Any = cache.xread({f"scan:{scan_id}:progress": position}, block=int(POLL_S * 500), count=20)
    except redis.RedisError:
        pause(POLL_S / 2)
        return []
    return [
        (entry_id, fields["event"], json.loads(fields["data"]))
        for _, entries in found or []
        for entry_id, fields in entries
    ]


def _of_scan(scan: dict[str, Any], position: str) -> list[tuple[str, str, dict[str, Any]]]:
    """The entry that the stream should have had after `position`, made from the scan itself."""
    finished = scan["status"] in FINISHED
    percent = 100 if finished else scan["percent"]
    if percent <= int(position.partition("-")[0]):
        return []
    event = scan["status"] if finished else "stage"
    return [(f"{percent}-0", event, {key: scan[key] for key in ("scan_id", "stage", "percent")})]


def _event(entry_id: str, event: str, data: dict[str, Any]) -> str:
    return f"retry: 2000\nid: {entry_id}\nevent: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
