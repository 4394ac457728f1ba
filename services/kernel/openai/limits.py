"""What all who ask models share in Redis: a token bucket for each model, and the day's budget.

Each decision is one script, so that two processes never take the same token or the same won.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import redis

KOREA = timezone(timedelta(hours=9))
KEPT = timedelta(days=3)

TAKE = """
local now = redis.call('TIME')
local at = now[1] + now[2] / 1000000
local wait = 0
local left = {}
for i, key in ipairs(KEYS) do
  local capacity, cost = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local rate = capacity / 60
  local state = redis.call('HMGET', key, 'left', 'at')
  local have = math.min(capacity, (tonumber(state[1]) or capacity) + (at - (tonumber(state[2]) or at)) * rate)
  left[i] = have - cost
  if left[i] < 0 then wait = math.max(wait, -left[i] / rate) end
end
if wait == 0 then
  for i, key in ipairs(KEYS) do
    redis.call('HSET', key, 'left', tostring(left[i]), 'at', tostring(at))
    redis.call('EXPIRE', key, 120)
  end
end
return tostring(wait)
"""
"""Takes the cost from every bucket, or from none and returns the seconds until it could. Buckets fill in a minute."""

RESERVE = """
local spent = tonumber(redis.call('GET', KEYS[1]) or '0')
if spent + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return 0 end
redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class TokenBuckets:
    """How much each model may be asked within a minute, by requests and by tokens. Raises `redis.RedisError`."""

    def __init__(self, client: redis.Redis, *, requests_per_minute: int, tokens_per_minute: int) -> None:
        self._take = client.register_script(TAKE)
        self._requests = requests_per_minute
        self._tokens = tokens_per_minute

    def take(self, model: str, tokens: int) -> float:
        """0 when a request of so many tokens was granted, else the seconds after which to ask again."""
        keys = [f"ai:limit:{{{model}}}:requests", f"ai:limit:{{{model}}}:tokens"]
        arguments = [self._requests, 1, self._tokens, min(tokens, self._tokens)]
        return float(self._take(keys=keys, args=arguments))


@dataclass
class DailyBudget:
    """Won that may be spent in a day, by Korea's calendar. Raises `redis.RedisError`.

    A call reserves what it may cost at most and settles when it is known. One that is never settled, because its
    process died, counts as spent.
    """

    client: redis.Redis
    won: float
    now: Callable[[], datetime] = lambda: datetime.now(KOREA)

    def __post_init__(self) -> None:
        self._reserve = self.client.register_script(RESERVE)

    def reserve(self, won: float) -> str | None:
        """A receipt to settle with; None when the day's budget would be passed."""
        key = self.key()
        granted = self._reserve(keys=[key], args=[repr(won), repr(self.won), int(KEPT.total_seconds())])
        return key if granted else None

    def settle(self, receipt: str, reserved: float, spent: float) -> None:
        self.client.incrbyfloat(receipt, spent - reserved)

    def key(self) -> str:
        """Under which Redis keeps the sum of today."""
        return f"ai:won:{self.now().astimezone(KOREA):%Y-%m-%d}"

    def spent(self, key: str) -> float:
        """The won of that day so far, with what is reserved."""
        return float(str(self.client.get(key) or 0))
