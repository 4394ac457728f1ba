"""Runs a service in this process against the real broker and database, and calls it as others do."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import eventlet
import psycopg2
import pytest
from nameko.containers import ServiceContainer
from nameko.standalone.rpc import ClusterRpcProxy

import services.kernel.rpc  # noqa: F401  (teaches Nameko to raise our errors as themselves)
from services.kernel.config import Config
from services.kernel.errors import Problem
from services.kernel.migrations import domains
from services.kernel.roles import url_of
from services.kernel.settings import nameko_config

TIMEOUT_S = 15


@dataclass(frozen=True)
class Running:
    """A running service: `call` is its RPC proxy, `config` what it was started with, but as the database's owner."""

    call: Any
    config: Config
    container: ServiceContainer

    @property
    def database_url(self) -> str:
        return str(self.config.database_url)

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into the database, or prepare it, past the service."""
        connection = psycopg2.connect(self.database_url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def refuses(self, call: Callable[..., Any], *args: object, **kwargs: object) -> Problem:
        """The problem that a call ends in."""
        with pytest.raises(Problem) as caught:
            call(*args, **kwargs)
        return caught.value

    def at_once(self, times: int, method: str, *args: object) -> list[Any]:
        """What `times` callers at once get, each over a proxy of its own: results and problems."""
        with ExitStack() as proxies:
            callers = [proxies.enter_context(_proxy(self.config)) for _ in range(times)]

            def outcome(cluster: Any) -> Any:
                try:
                    return getattr(cluster[self.container.service_name], method)(*args)
                except Problem as problem:
                    return problem

            return list(eventlet.GreenPool().imap(outcome, callers))


@contextmanager
def running(service: Any, config: Config) -> Iterator[Running]:
    """`service` as a container on free ports, until the block ends, with the rights of its schema's role."""
    config = config.model_copy(update={"http_port": free_port()})
    container = ServiceContainer(service, nameko_config(_as_its_role(service.name, config)))
    container.start()
    try:
        with _proxy(config) as cluster:
            yield Running(cluster[container.service_name], config, container)
    finally:
        container.stop()


def _as_its_role(schema: str, config: Config) -> Config:
    owners = str(config.database_url)
    if schema not in {domain.schema for domain in domains()} or not urlsplit(owners).password:
        return config
    return config.model_copy(update={"database_url": url_of(owners, schema)})


def _proxy(config: Config) -> ClusterRpcProxy:
    return ClusterRpcProxy(nameko_config(config), timeout=TIMEOUT_S)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def eventually(holds: Callable[[], Any], within_s: float = 30) -> Any:
    """The first true value of `holds`, which is asked again and again."""
    deadline = time.monotonic() + within_s
    while not (value := holds()):
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)
    return value
