"""PostgreSQL for a service: a bounded pool whose connections yield to other greenlets while they wait."""

from typing import Any

import eventlet
from eventlet import patcher
from nameko.extensions import DependencyProvider
from peewee import Model, OperationalError
from playhouse.db_url import parse
from playhouse.pool import PooledPostgresqlDatabase

from services.kernel.config import Config, ConfigError
from services.kernel.settings import config_of

CONNECT_S = 3.0
_READABLE = 1 | 8 | 16  # POLLIN, POLLERR, POLLHUP; eventlet's select module has no poll


class Pool(PooledPostgresqlDatabase):
    """Connections that the server has closed meanwhile are noticed when they are taken out."""

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


def pool(settings: Config, application: str) -> Pool:
    """A pool for `application` (shown in pg_stat_activity); waits `database_wait_s` for a free connection.

    Raises `ConfigError` where the settings say that there is no database.
    """
    if settings.database_url is None:
        raise ConfigError(f"{application} needs a database: ECO2_DATABASE_URL is none")
    arguments = parse(str(settings.database_url))
    return Pool(
        arguments.pop("database"),
        **arguments,
        max_connections=settings.database_connections,
        timeout=settings.database_wait_s,
        stale_timeout=600,
        application_name=f"eco2-{application}",
        options=f"-c statement_timeout={int(settings.database_statement_s * 1000)} -c timezone=UTC",
    )


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
