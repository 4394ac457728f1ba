"""How many requests somebody may make: counted in Redis for all gateways, in this process while Redis is away."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import redis
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from services.gateway.route import Limit
from services.kernel.config import Limits

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Count:
    """Where somebody stands: `limit` in `window_s` seconds, `left` of it, all of it again in `reset_s` seconds."""

    name: str
    allowed: bool
    limit: int
    left: int
    window_s: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """The RateLimit header fields of draft-ietf-httpapi-ratelimit-headers."""
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.limit};w={self.window_s}',
            "RateLimit": f'"{self.name}";r={self.left};t={self.reset_s}',
        }


class RateLimits:
    """Sliding windows, one for each (limit, who)."""

    def __init__(self, settings: Limits, cache: redis.Redis, url: str) -> None:
        self._items: dict[str, RateLimitItem] = {
            name: _scaled(rate, settings.scale) for name, rate in settings.model_dump(exclude={"scale"}).items()
        }
        pool = cache.connection_pool
        self._shared = SlidingWindowCounterRateLimiter(RedisStorage(url, connection_pool=pool, key_prefix="limit"))
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())

    def hit(self, name: "Limit | str", who: str) -> Count:
        """Count one request of `who` against the limit `name`."""
        return self._counted(name, lambda limiter, item: _count(limiter, item, name, who))

    def refusal(self, name: str, who: str) -> Count | None:
        """Count one request of `who`; how it stands only where it is one too many, for that costs another question."""

        def count(limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem) -> Count | None:
            return None if limiter.hit(item, name, who) else _standing(limiter, item, name, who, allowed=False)

        return self._counted(name, count)

    def _counted(self, name: str, count: Callable[[SlidingWindowCounterRateLimiter, RateLimitItem], T]) -> T:
        item = self._items[name]
        try:
            return count(self._shared, item)
        except redis.RedisError as error:
            log.warning("requests are counted in this process only: %s", error)
            return count(self._own, item)


def _count(limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, name: str, who: str) -> Count:
    allowed = limiter.hit(item, name, who)
    return _standing(limiter, item, name, who, allowed)


def _standing(
    limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, name: str, who: str, allowed: bool
) -> Count:
    stats = limiter.get_window_stats(item, name, who)
    reset_s = max(1, round(stats.reset_time - time.time()))
    return Count(name, allowed, item.amount, max(0, stats.remaining), item.get_expiry(), reset_s)


def _scaled(rate: str, scale: float) -> RateLimitItem:
    amount, _, unit = rate.partition("/")
    return parse(f"{max(1, round(int(amount) * scale))}/{unit}")
