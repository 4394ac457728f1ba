"""Redis for a service: a bounded pool, short time-outs, dead connections replaced."""

from typing import Any

import redis
from nameko.extensions import DependencyProvider

from services.kernel.config import Config
from services.kernel.settings import config_of


def client(settings: Config) -> redis.Redis:
    """A Redis client; every command may take `redis_timeout_s`, and then raises `redis.RedisError`."""
    connections = redis.BlockingConnectionPool.from_url(
        str(settings.redis_url),
        max_connections=settings.redis_connections,
        timeout=settings.redis_timeout_s,
        socket_timeout=settings.redis_timeout_s,
        socket_connect_timeout=settings.redis_timeout_s,
        health_check_interval=30,
        decode_responses=True,
    )
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
