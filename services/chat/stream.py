"""An answer as a Redis stream, which any gateway can follow and resume.

An entry's id is ``<attempt>-<number>``, and the end of every answer has the id ``1000-0``. Redis itself refuses an id
that is not greater than the last: so what is told twice is there once, and a process that lost its answer to another
cannot add to it. An attempt after the first begins with ``restart``: what was told before does not count any more.
"""

import json
import logging
from typing import Any

import redis

from services.chat.leases import Attempt

log = logging.getLogger(__name__)

END = "1000-0"


class Telling:
    """Tells what an attempt writes. What Redis does not take is told with the next piece, in order; none is skipped."""

    def __init__(self, cache: redis.Redis, attempt: Attempt, ttl_s: int) -> None:
        self._cache = cache
        self._attempt = attempt
        self._ttl_s = ttl_s
        self._number = 0
        self._waiting: list[tuple[str, str, dict[str, Any]]] = []
        if attempt.number > 1:
            self.restart("taken_over")

    def token(self, text: str) -> None:
        """A piece of the answer's text."""
        self._add("token", {"text": text})

    def tool(self, name: str) -> None:
        """Something is looked up."""
        self._add("tool", {"name": name})

    def restart(self, reason: str) -> None:
        """The text begins anew."""
        self._add("restart", {"reason": reason})

    def _add(self, event: str, data: dict[str, Any]) -> None:
        self._number += 1
        self._waiting.append((f"{self._attempt.number}-{self._number}", event, data))
        if _add(self._cache, self._attempt.answer_id, self._ttl_s, self._waiting):
            self._waiting = []

    def end(self, event: str) -> None:
        """The answer is kept: ``completed`` or ``failed``."""
        _add(self._cache, self._attempt.answer_id, self._ttl_s, [*self._waiting, (END, event, {})])


def tell_end(cache: redis.Redis, ttl_s: int, answer_id: str, event: str) -> None:
    """An answer has ended that nobody writes."""
    _add(cache, answer_id, ttl_s, [(END, event, {})])


def forget(cache: redis.Redis, answer_ids: list[str]) -> None:
    """The answers were deleted. Redis being away costs nothing: what it keeps goes by itself."""
    try:
        if answer_ids:
            cache.delete(*map(key, answer_ids))
    except redis.RedisError as error:
        log.warning("the streams of %d deleted answers stay until their time is over: %s", len(answer_ids), error)


def key(answer_id: str) -> str:
    """The name of an answer's stream."""
    return f"chat:{answer_id}"


def _add(cache: redis.Redis, answer_id: str, ttl_s: int, entries: list[tuple[str, str, dict[str, Any]]]) -> bool:
    """Whether Redis has the entries. Its being away costs listeners speed: they ask the chat service too."""
    try:
        with cache.pipeline(transaction=False) as pipe:
            for entry_id, event, data in entries:
                fields: dict[Any, Any] = {"event": event, "data": json.dumps(data, ensure_ascii=False)}
                pipe.xadd(key(answer_id), fields, id=entry_id)
            pipe.expire(key(answer_id), ttl_s)
            outcomes = pipe.execute(raise_on_error=False)
    except redis.RedisError as error:
        log.warning("answer %s was not told: %s", answer_id, error)
        return False
    troubles = [one for one in outcomes if isinstance(one, redis.RedisError) and "equal or smaller" not in str(one)]
    for trouble in troubles:
        log.warning("answer %s was not told: %s", answer_id, trouble)
    return not troubles
