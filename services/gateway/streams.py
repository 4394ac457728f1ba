"""A scan's progress as server-sent events, from the scan's Redis stream; any gateway can resume it.

Every event's id is the id of the stream's entry, so ``Last-Event-ID`` goes on exactly where it broke off.
Where the stream is silent (or Redis is away) the waste service is asked, so the end is never missed.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import redis

from services.gateway.listening import POLL_S, event_text, read
from services.kernel.errors import Unavailable

FINISHED = ("completed", "failed")
START, END = "0-0", "100-0"


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
        entries = read(cache, f"scan:{scan_id}:progress", position, pause)
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
                yield event_text(entry_id, event, scan if scan and scan["status"] in FINISHED else ask())
                return
            yield event_text(entry_id, event, data)
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


def _of_scan(scan: dict[str, Any], position: str) -> list[tuple[str, str, dict[str, Any]]]:
    """The entry that the stream should have had after `position`, made from the scan itself."""
    finished = scan["status"] in FINISHED
    percent = 100 if finished else scan["percent"]
    if percent <= int(position.partition("-")[0]):
        return []
    event = scan["status"] if finished else "stage"
    return [(f"{percent}-0", event, {key: scan[key] for key in ("scan_id", "stage", "percent")})]
