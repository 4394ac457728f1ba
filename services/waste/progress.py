"""The progress of a scan as a Redis stream, which any gateway can follow and resume.

An entry's id is ``<percent>-0``: the stream itself refuses what was told before, so events that come
twice or late are told once and in order.
"""

import json
import logging
from typing import Any

import redis

log = logging.getLogger(__name__)


def tell(cache: redis.Redis, ttl_s: int, scan_id: str, event: str, percent: int, data: dict[str, Any]) -> None:
    """Add an entry. Redis being away costs the listeners speed, not the answer: they ask the waste service too."""
    key = f"scan:{scan_id}:progress"
    fields: dict[Any, Any] = {"event": event, "data": json.dumps(data, ensure_ascii=False)}
    try:
        with cache.pipeline(transaction=False) as pipe:
            pipe.xadd(key, fields, id=f"{percent}-0" if percent else "0-1")
            pipe.expire(key, ttl_s)
            pipe.execute(raise_on_error=True)
    except redis.ResponseError as refused:
        if "equal or smaller" not in str(refused):
            raise
    except redis.RedisError as error:
        log.warning("progress of scan %s was not told: %s", scan_id, error)
