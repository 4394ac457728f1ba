"""Pools that run dry: how many connections are out, and how long calls wait for one."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import eventlet
import pytest
import redis
from peewee import OperationalError
from playhouse.pool import MaxConnectionsExceeded

from services.kernel import cache, database
from tests.services.kernel.metering import sample
from tests.services.running import eventually
from tests.stack import TestStack


@pytest.fixture
def pool(stack: TestStack) -> Iterator[database.Pool]:
    """A pool of two connections, for which a call waits at most two seconds."""
    settings = stack.config.model_copy(update={"database_connections": 2, "database_wait_s": 2})
    made = database.pool(settings, "test")
    yield made
    made.close_idle()


def waits() -> tuple[float, float]:
    return sample("eco2_database_wait_seconds_count"), sample("eco2_database_wait_seconds_sum")


def held(pool: database.Pool, until: Any) -> Any:
    """A greenlet that keeps a connection until the event."""

    def keep() -> None:
        with pool.connection_context():
            pool.execute_sql("SELECT 1")
            until.wait()

    return eventlet.spawn(keep)


def test_connections_are_counted_in_use_and_idle(stack: TestStack) -> None:
    limit = sample("eco2_database_connections_limit")
    used = sample("eco2_database_connections", state="in_use")
    idle = sample("eco2_database_connections", state="idle")
    pool = database.pool(stack.config.model_copy(update={"database_connections": 3}), "test")

    with pool.connection_context():
        assert sample("eco2_database_connections", state="in_use") == used + 1
    assert sample("eco2_database_connections", state="in_use") == used
    assert sample("eco2_database_connections", state="idle") == idle + 1
    assert sample("eco2_database_connections_limit") == limit + 3

    pool.close_idle()
    assert sample("eco2_database_connections", state="idle") == idle


def test_a_call_that_waits_for_a_connection_says_for_how_long(pool: database.Pool) -> None:
    over = eventlet.event.Event()
    before, _ = waits()
    holders = [held(pool, over) for _ in range(2)]
    eventually(lambda: waits()[0] == before + 2)
    count, seconds = waits()
    third = held(pool, over)
    eventlet.sleep(0.5)

    over.send()
    for each in (*holders, third):
        each.wait()

    assert waits()[0] == count + 1
    assert 0.4 < waits()[1] - seconds < 1.9


def test_a_call_that_waits_in_vain_is_counted_too(pool: database.Pool) -> None:
    over = eventlet.event.Event()
    before, _ = waits()
    holders = [held(pool, over) for _ in range(2)]
    eventually(lambda: waits()[0] == before + 2)
    count, seconds = waits()

    with pytest.raises((MaxConnectionsExceeded, OperationalError)):
        pool.connect()

    assert waits()[0] == count + 1
    assert waits()[1] - seconds >= 1.9
    over.send()
    for each in holders:
        each.wait()


def test_a_free_connection_is_not_waited_for(pool: database.Pool) -> None:
    with pool.connection_context():
        pool.execute_sql("SELECT 1")
    count, seconds = waits()

    with pool.connection_context():
        pool.execute_sql("SELECT 1")

    assert waits()[0] == count + 1
    assert waits()[1] - seconds < 0.1


def test_redis_connections_are_counted_until_the_pool_is_dry(stack: TestStack) -> None:
    limit = sample("eco2_redis_connections_limit")
    used = sample("eco2_redis_connections", state="in_use")
    idle = sample("eco2_redis_connections", state="idle")
    client = cache.client(stack.config.model_copy(update={"redis_connections": 2, "redis_timeout_s": 0.3}))
    assert sample("eco2_redis_connections_limit") == limit + 2
    assert sample("eco2_redis_connections", state="idle") == idle

    with ExitStack() as taken:
        for _ in range(2):
            connection = client.connection_pool.get_connection()
            taken.callback(client.connection_pool.release, connection)
        assert sample("eco2_redis_connections", state="in_use") == used + 2

        began = time.monotonic()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        assert 0.2 < time.monotonic() - began < 1
        assert sample("eco2_redis_connections", state="in_use") == used + 2

    assert sample("eco2_redis_connections", state="in_use") == used
    assert sample("eco2_redis_connections", state="idle") == idle + 2
    assert client.ping()


def test_a_listener_of_a_stream_holds_a_connection_and_gives_it_back(stack: TestStack) -> None:
    client = cache.client(stack.config)
    used = sample("eco2_redis_connections", state="in_use")

    listening = eventlet.spawn(client.xread, {"nothing here": "0-0"}, block=400)
    eventlet.sleep(0.2)
    assert sample("eco2_redis_connections", state="in_use") == used + 1

    listening.wait()
    assert sample("eco2_redis_connections", state="in_use") == used
