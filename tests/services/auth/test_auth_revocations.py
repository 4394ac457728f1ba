"""An ended session stays ended, whatever Redis forgets, and nobody is let in when nobody can tell."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import eventlet
import pytest
import redis
from pydantic import PostgresDsn, RedisDsn
from uuid6 import uuid7

from services.auth import revocations as module
from services.auth.revocations import KEY, LEASE, Revocations
from services.auth.tables import Revocation
from services.kernel import cache
from services.kernel.database import pool
from services.kernel.errors import Unavailable
from tests.services.running import Running, eventually

LEASE_S = 3.0


@pytest.fixture
def redis_client(auth: Running) -> Iterator[redis.Redis]:
    client = cache.client(auth.config)
    yield client
    client.close()


@pytest.fixture
def unreachable(auth: Running) -> redis.Redis:
    nowhere = auth.config.model_copy(update={"redis_url": RedisDsn("redis://127.0.0.1:1/0"), "redis_timeout_s": 0.3})
    return cache.client(nowhere)


def vouches(client: redis.Redis) -> bool:
    lease: Any = client.zscore(KEY, LEASE)
    return lease is not None and lease > time.time()


def test_redis_answers_alone_once_it_vouches_for_itself(
    auth: Running, tokens: dict[str, Any], redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventually(lambda: vouches(redis_client), 20)
    asked: list[Any] = []
    monkeypatch.setattr(Revocations, "_ask_database", lambda self, ids: asked.append(ids))

    assert auth.call.verify(tokens["access_token"])
    auth.call.logout(tokens["refresh_token"])
    assert auth.refuses(auth.call.verify, tokens["access_token"]).code == "token_revoked"
    assert asked == []


def test_what_was_revoked_stays_so_when_redis_is_flushed(
    auth: Running, tokens: dict[str, Any], redis_client: redis.Redis
) -> None:
    auth.call.logout(tokens["refresh_token"])
    redis_client.flushall()

    assert auth.refuses(auth.call.verify, tokens["access_token"]).code == "token_revoked"

    session_id = auth.sql("SELECT id::text FROM auth.revocations ORDER BY revoked_at DESC LIMIT 1")[0][0]
    eventually(lambda: vouches(redis_client), 20)
    assert redis_client.zscore(KEY, session_id) is not None, "Redis vouches for what it does not hold"
    assert auth.refuses(auth.call.verify, tokens["access_token"]).code == "token_revoked"


def test_a_redis_that_came_back_with_yesterdays_data_is_not_believed(
    auth: Running, tokens: dict[str, Any], redis_client: redis.Redis
) -> None:
    auth.call.logout(tokens["refresh_token"])
    yesterday = time.time() - 86_400
    redis_client.delete(KEY)
    redis_client.zadd(KEY, {LEASE: yesterday})

    assert auth.refuses(auth.call.verify, tokens["access_token"]).code == "token_revoked"


def test_an_evicted_set_takes_its_lease_along(auth: Running, redis_client: redis.Redis) -> None:
    eventually(lambda: vouches(redis_client), 20)

    assert redis_client.type(KEY) == "zset"  # one key: Redis evicts whole keys
    assert redis_client.ttl(KEY) == -1


def test_verifying_goes_on_while_redis_hangs(auth: Running, tokens: dict[str, Any], redis_client: redis.Redis) -> None:
    redis_client.execute_command("CLIENT", "PAUSE", "4000", "ALL")

    assert auth.call.verify(tokens["access_token"])
    auth.call.logout(tokens["refresh_token"])
    assert auth.refuses(auth.call.verify, tokens["access_token"]).code == "token_revoked"
    eventlet.sleep(4)


def test_without_redis_postgresql_answers(auth: Running, unreachable: redis.Redis) -> None:
    revocations = Revocations(unreachable, 900, 2)
    session, other = str(uuid7()), str(uuid7())
    with Revocation._meta.database.connection_context():
        with revocations.ending() as ended:
            ended.append(session)

        assert revocations.hold([session, other])
        assert not revocations.hold([other, str(uuid7())])


def test_who_could_not_tell_redis_waits_until_it_vouches_no_more(
    auth: Running, unreachable: redis.Redis, redis_client: redis.Redis
) -> None:
    eventually(lambda: vouches(redis_client), 20)
    cut_off, connected = Revocations(unreachable, 900, LEASE_S), Revocations(redis_client, 900, LEASE_S)
    session = str(uuid7())

    with Revocation._meta.database.connection_context():
        with cut_off.ending() as ended:
            ended.append(session)

        assert connected.hold([session]), "it was said to be ended, and another process still takes it"


def test_when_neither_answers_nobody_is_let_in(
    auth: Running, unreachable: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = auth.config.model_copy(update={"database_url": PostgresDsn("postgresql://u:p@127.0.0.1:1/none")})
    dead = pool(nowhere, "auth")
    with Revocation.bind_ctx(dead), pytest.raises(Unavailable) as caught:
        Revocations(unreachable, 900, LEASE_S).hold([str(uuid7())])

    assert caught.value.code == "revocations_unknown"


def test_a_transaction_that_fails_ends_nothing(auth: Running, redis_client: redis.Redis) -> None:
    revocations, session = Revocations(redis_client, 900, LEASE_S), str(uuid7())
    with Revocation._meta.database.connection_context():
        with contextlib.suppress(ZeroDivisionError), revocations.ending() as ended:
            ended.append(session)
            raise ZeroDivisionError

        assert not revocations.hold([session])


def test_reconciling_copies_all_after_a_loss_and_little_otherwise(auth: Running, redis_client: redis.Redis) -> None:
    revocations = Revocations(redis_client, 900, LEASE_S)
    now = datetime.now(UTC)
    old = {"revoked_at": now - timedelta(minutes=5), "expires_at": now + timedelta(minutes=5)}
    with Revocation._meta.database.connection_context():
        Revocation.insert_many([{"id": uuid7(), **old} for _ in range(1500)]).execute()
        try:
            redis_client.delete(KEY)
            assert eventually(lambda: redis_client.zcard(KEY) > 1500, 20)
            # The service's own timer may be at it at the same moment: then nothing is copied here.
            assert revocations.reconcile() < 1500
        finally:
            Revocation.delete().where(Revocation.revoked_at == old["revoked_at"]).execute()
            redis_client.delete(KEY)


def test_what_has_expired_is_forgotten(auth: Running) -> None:
    now = datetime.now(UTC)
    gone, stays = uuid7(), uuid7()
    with Revocation._meta.database.connection_context():
        for one, left in ((gone, -1), (stays, 60)):
            Revocation.create(id=one, revoked_at=now - timedelta(minutes=9), expires_at=now + timedelta(seconds=left))
        assert module.forget_expired() >= 1

        assert [row.id for row in Revocation.select().where(Revocation.id.in_([gone, stays]))] == [stays]
