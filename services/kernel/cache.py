"""Redis for a service: a bounded pool, short time-outs, dead connections replaced."""

from typing import Any
from weakref import WeakSet

import redis
from nameko.extensions import DependencyProvider
from prometheus_client import Gauge

from services.kernel.config import Config
from services.kernel.settings import config_of

CONNECTIONS = Gauge("eco2_redis_connections", "Connections to Redis: in_use, or idle in a pool", ["state"])
LIMIT = Gauge("eco2_redis_connections_limit", "As many connections may be open at once, of all pools of the process")


class Pool(redis.BlockingConnectionPool):
    """Who finds no connection waits for one."""

    @property
    def idle(self) -> int:
        return sum(each is not None for each in self.pool.queue)

    @property
    def in_use(self) -> int:
        return max(0, self.max_connections - len(self.pool.queue))


_pools: WeakSet[Pool] = WeakSet()
CONNECTIONS.labels("in_use").set_function(lambda: sum(each.in_use for each in _pools))
CONNECTIONS.labels("idle").set_function(lambda: sum(each.idle for each in _pools))
LIMIT.set_function(lambda: sum(each.max_connections for each in _pools))


def client(settings: Config) -> redis.Redis:
    """A Redis client; every command may take `redis_timeout_s`, and then raises `redis.RedisError`."""
    connections = Pool.from_url(
        str(settings.redis_url),
        max_connections=settings.redis_connections,
        timeout=settings.redis_timeout_s,
        socket_timeout=settings.redis_timeout_s,
        socket_connect_timeout=settings.redis_timeout_s,
        health_check_interval=30,
        decode_responses=True,
    )
    _pools.add(connections)
    return redis.Redis(connection_pool=connections)


class Cache(DependencyProvider):
    """Gives a service its Redis client."""

    def setup(self) -> None:
        self.redis = client(config_of(self.container))

    def stop(self) -> None:
        self.redis.close()

    def get_dependency(self, worker_ctx: Any) -> redis.Redis:
        return self.redis

    def check(self) -> None:
        """Raises when Redis does not answer."""
        self.redis.ping()
