"""PostgreSQL for a service: a bounded pool whose connections yield to other greenlets while they wait."""

import time
from typing import Any
from weakref import WeakSet

import eventlet
from eventlet import patcher
from nameko.extensions import DependencyProvider
from peewee import Model, OperationalError
from playhouse.db_url import parse
from playhouse.pool import PooledPostgresqlDatabase
from prometheus_client import Gauge, Histogram

from services.kernel.config import Config, ConfigError
from services.kernel.settings import config_of

CONNECT_S = 3.0
_READABLE = 1 | 8 | 16  # POLLIN, POLLERR, POLLHUP; eventlet's select module has no poll

CONNECTIONS = Gauge("eco2_database_connections", "Connections to PostgreSQL: in_use, or idle in the pool", ["state"])
LIMIT = Gauge("eco2_database_connections_limit", "As many connections may be open at once")
WAIT = Histogram(
    "eco2_database_wait_seconds",
    "Time until a call had its connection: one that was free, had become free or was made",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


class Pool(PooledPostgresqlDatabase):
    """Connections that the server has closed meanwhile are noticed when they are taken out."""

    @property
    def in_use(self) -> int:
        return len(self._in_use)

    @property
    def idle(self) -> int:
        return len(self._connections)

    @property
    def limit(self) -> int:
        return int(self._max_connections)

    def connect(self, reuse_if_open: bool = False) -> Any:
        began = time.monotonic()
        try:
            return super().connect(reuse_if_open)
        finally:
            WAIT.observe(time.monotonic() - began)

    def _is_closed(self, connection: Any) -> bool:
        if super()._is_closed(connection):
            return True
        # An idle connection has nothing to say: a readable one carries the server's good-bye.
        poll = patcher.original("select").poll()
        poll.register(connection.fileno(), _READABLE)
        return bool(poll.poll(0))

    def _connect(self) -> Any:
        # Under eventlet libpq connects without blocking, and then knows no time-out of its own.
        with eventlet.Timeout(CONNECT_S, OperationalError(f"no connection to PostgreSQL within {CONNECT_S:g} s")):
            return super()._connect()


_pools: WeakSet[Pool] = WeakSet()
CONNECTIONS.labels("in_use").set_function(lambda: sum(each.in_use for each in _pools))
CONNECTIONS.labels("idle").set_function(lambda: sum(each.idle for each in _pools))
LIMIT.set_function(lambda: sum(each.limit for each in _pools))


def pool(settings: Config, application: str) -> Pool:
    """A pool for `application` (shown in pg_stat_activity); waits `database_wait_s` for a free connection.

    Raises `ConfigError` where the settings say that there is no database.
    """
    if settings.database_url is None:
        raise ConfigError(f"{application} needs a database: ECO2_DATABASE_URL is none")
    arguments = parse(str(settings.database_url))
    made = Pool(
        arguments.pop("database"),
        **arguments,
        max_connections=settings.database_connections,
        timeout=settings.database_wait_s,
        stale_timeout=600,
        application_name=f"eco2-{application}",
        options=f"-c statement_timeout={int(settings.database_statement_s * 1000)} -c timezone=UTC",
    )
    _pools.add(made)
    return made


class Database(DependencyProvider):
    """Gives a service its database, with `tables` bound to it; a call's connection goes back when it ends."""

    def __init__(self, tables: tuple[type[Model], ...]) -> None:
        self.tables = tables

    def setup(self) -> None:
        self.pool = pool(config_of(self.container), self.container.service_name)
        self.pool.bind(self.tables)

    def stop(self) -> None:
        self.pool.close_idle()

    def get_dependency(self, worker_ctx: Any) -> Pool:
        return self.pool

    def worker_teardown(self, worker_ctx: Any) -> None:
        if not self.pool.is_closed():
            self.pool.close()

    def check(self) -> None:
        """Raises when PostgreSQL does not answer."""
        with self.pool.connection_context():
            self.pool.execute_sql("SELECT 1")
