"""The progress of a scan as a Redis stream, which any gateway can follow and resume.

An entry's id is ``<percent>-0``: the stream itself refuses what was told before, so events that come
twice or late are told once and in order. Events may also overtake each other on their way here: whoever
tells a stage tells those before it first, so none is missing.
"""

import json
import logging
from typing import Any

import redis

from services.waste.scans import STAGES

log = logging.getLogger(__name__)


def tell_stage(cache: redis.Redis, ttl_s: int, scan_id: str, stage: str) -> None:
    """A stage is done, and so are those before it."""
    _tell(cache, ttl_s, scan_id, _stages(scan_id, up_to=STAGES[stage]))


def tell_end(cache: redis.Redis, ttl_s: int, scan_id: str, event: str) -> None:
    """The scan is finished: `event` is ``completed`` or ``failed``."""
    stages = _stages(scan_id, up_to=100) if event == "completed" else []
    end = {"scan_id": scan_id, "stage": "done" if event == "completed" else "failed", "percent": 100}
    _tell(cache, ttl_s, scan_id, [*stages, (event, end)])


def forget(cache: redis.Redis, scan_id: str) -> None:
    """The scan was deleted. Redis being away costs nothing: what it keeps goes by itself, and tells only stages."""
    try:
        cache.delete(_key(scan_id))
    except redis.RedisError as error:
        log.warning("progress of scan %s was not deleted: %s", scan_id, error)


def _stages(scan_id: str, up_to: int) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("stage", {"scan_id": scan_id, "stage": stage, "percent": percent})
        for stage, percent in STAGES.items()
        if percent <= up_to
    ]


def _tell(cache: redis.Redis, ttl_s: int, scan_id: str, entries: list[tuple[str, dict[str, Any]]]) -> None:
    """Add what the stream does not have. Redis being away costs listeners speed: they ask the waste service too."""
    key = _key(scan_id)
    try:
        with cache.pipeline(transaction=False) as pipe:
            for event, data in entries:
                fields: dict[Any, Any] = {"event": event, "data": json.dumps(data, ensure_ascii=False)}
                pipe.xadd(key, fields, id=f"{data['percent']}-0" if data["percent"] else "0-1")
            pipe.expire(key, ttl_s)
            outcomes = pipe.execute(raise_on_error=False)
    except redis.RedisError as error:
        log.warning("progress of scan %s was not told: %s", scan_id, error)
        return
    for outcome in outcomes:
        if isinstance(outcome, redis.RedisError) and "equal or smaller" not in str(outcome):
            log.warning("progress of scan %s was not told: %s", scan_id, outcome)


def _key(scan_id: str) -> str:
    return f"scan:{scan_id}:progress"
