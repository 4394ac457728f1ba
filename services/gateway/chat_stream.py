"""An answer as server-sent events while it is written, from the answer's Redis stream; any gateway can resume it.

Every event's id is the id of the stream's entry, so ``Last-Event-ID`` goes on exactly where it broke off. The ids of an
attempt count without gaps: where one is missing (Redis has lost it) the listener is told to begin anew and to wait for
the whole answer, which the last event carries. Where the stream is silent, or Redis is away, the chat service is asked.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import redis

from services.gateway.listening import POLL_S, event_text, read
from services.kernel.errors import NotFound, Unavailable

GIVE_UP_S = 60.0  # without a word of the chat service; then the client comes back and is told that it is away
START, END = "0-0", "1000-0"
FINISHED = ("completed", "failed")

_ID = re.compile(r"[0-9]{1,3}-[0-9]{1,6}", re.ASCII)


def follow(
    cache: redis.Redis,
    answer_id: str,
    last_id: str | None,
    ask: Callable[[], dict[str, Any]],
    *,
    problem: Callable[[dict[str, Any]], dict[str, Any]],
    keepalive_s: float,
    pause: Callable[[float], None],
) -> Iterator[str]:
    """The events of an answer after `last_id`, as text in the event-stream format, until it is finished.

    `token` {"text"}, `tool` {"name"}, `restart` {"reason"}: what was told before does not count any more; at the end
    `completed` with the whole message that `ask` gives, or `failed` with what `problem` makes of it.
    """
    position = _position(last_id)
    skipping = False
    spoken = heard = time.monotonic()
    while position != END:
        entries = read(cache, f"chat:{answer_id}", position, pause)
        message: dict[str, Any] | None = None
        if not entries:
            message = _asked(ask)
            if message is None:  # the chat service restarts: the client need not notice, for a while
                if time.monotonic() - heard > GIVE_UP_S:
                    return
                pause(POLL_S / 2)
            else:
                heard = time.monotonic()
                if message["state"] in FINISHED:
                    entries = [(END, message["state"], {})]
        for entry_id, event, data in entries:
            if event in FINISHED:
                whole = message if message and message["state"] in FINISHED else _asked(ask)
                if whole is None:
                    break
                if whole["state"] in FINISHED:
                    state = whole["state"]
                    yield event_text(END, state, whole if state == "completed" else problem(whole))
                return
            if event != "restart" and _is_gap(position, entry_id):
                skipping = True
                yield event_text(entry_id, "restart", {"reason": "interrupted"})
            elif event == "restart" or not skipping or event == "tool":
                skipping = skipping and event != "restart"
                yield event_text(entry_id, event, data)
            position = entry_id
            spoken = heard = time.monotonic()
        if time.monotonic() - spoken >= keepalive_s:
            yield ": still writing\n\n"
            spoken = time.monotonic()


def _asked(ask: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """The answer as the chat service knows it; None while that is away. One that was deleted has failed."""
    try:
        return ask()
    except Unavailable:
        return None
    except NotFound as gone:
        return {"state": "failed", "error": {"code": gone.code, "detail": gone.detail}}


def _position(last_id: str | None) -> str:
    """The stream position that a client's Last-Event-ID names; what is none starts from the beginning."""
    if last_id == END:
        return END
    return last_id if last_id and _ID.fullmatch(last_id) else START


def _is_gap(position: str, entry_id: str) -> bool:
    """Whether something is missing between two entries: an attempt counts from 1."""
    attempt, number = map(int, entry_id.split("-"))
    last_attempt, last = map(int, position.split("-"))
    return number != (last + 1 if attempt == last_attempt else 1)
