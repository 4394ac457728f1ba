"""Access tokens that end before their time: by their session (sid) or alone (jti).

PostgreSQL knows them all until their tokens have expired; Redis answers for it, one question a request. Redis may lose
what it knew (flushed, evicted, restored from yesterday), so it vouches for itself only for a few seconds at a time: in
the same sorted set stands `LEASE`, the time until which the set is known to be complete. Every second each auth
process copies what is missing and prolongs it. Where the lease is missing or over, PostgreSQL is asked; where neither
answers, nobody is let in.

    ended -> PostgreSQL (with what caused it) -> Redis -> the caller hears that it is done

When that second step fails, the caller hears it only after every lease has run out that may not know of it. Clocks of
machines may differ by less than `CLOCK_SKEW_S`.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from peewee import PeeweeException
from playhouse.pool import MaxConnectionsExceeded

from services.auth.access import AccessTokens
from services.auth.tables import Revocation
from services.kernel import caching_metrics
from services.kernel.errors import Unauthenticated, Unavailable

log = logging.getLogger(__name__)

KEY = "auth:revocations"
LEASE = "complete-until"
CACHE = "revocations"
"""By name in its metrics: a miss asks PostgreSQL."""
CLOCK_SKEW_S = 1.0
OVERLAP = timedelta(seconds=60)
"""Copied again each time: what was committed long after its own time of revocation."""
REDIS_REST_S = 1.0
"""After Redis failed, PostgreSQL is asked for so long without trying Redis first."""


class Revocations:
    """Of access tokens that live `ttl_s` seconds at most; Redis vouches for itself `lease_s` seconds at a time."""

    def __init__(self, cache: redis.Redis, ttl_s: float, lease_s: float) -> None:
        self._cache = cache
        self._ttl_s = ttl_s
        self._lease_s = lease_s
        self._rest_until = float("-inf")

    @contextmanager
    def ending(self) -> Iterator[list[Any]]:
        """A transaction whose block puts the ids of the sessions that it ends into the list.

        When this ends, no access token of these sessions is valid any more.
        """
        ended: list[Any] = []
        with Revocation._meta.database.atomic():
            yield ended
            expires_at = self._record(ended, datetime.now(UTC) + timedelta(seconds=self._ttl_s))
        self._publish(ended, expires_at)

    def revoke(self, jti: str, expires_at: datetime) -> None:
        """End a single access token, which expires at `expires_at`."""
        with Revocation._meta.database.atomic():
            kept_until = self._record([jti], expires_at)
        self._publish([jti], kept_until)

    def hold(self, ids: Iterable[str]) -> bool:
        """Whether one of `ids` was revoked. Raises `Unavailable` ``revocations_unknown``."""
        known = self._ask_cache(list(ids))
        if known is None:
            caching_metrics.miss(CACHE)
            return self._ask_database(list(ids))
        caching_metrics.hit(CACHE)
        return known

    def reconcile(self) -> int:
        """Copy to Redis what it may lack, and let it vouch for itself again; returns how many were copied.

        Raises `redis.RedisError`.
        """
        began = time.time()
        with self._cache.pipeline() as pipe:
            # After a flush, or another process's work, between here and the end this one does nothing.
            pipe.watch(KEY)  # type: ignore[no-untyped-call]
            lease: Any = pipe.zscore(KEY, LEASE)
            live = Revocation.expires_at > datetime.now(UTC)
            if lease is not None and lease > began:
                live &= Revocation.revoked_at > datetime.now(UTC) - OVERLAP
            rows = Revocation.select().where(live)
            missing = {str(row.id): row.expires_at.timestamp() for row in rows}
            pipe.multi()
            for some in _some(missing):
                pipe.zadd(KEY, some)
            # As of before the rows were read: what is committed after that may not be among them.
            pipe.zadd(KEY, {LEASE: began + self._lease_s})
            pipe.zremrangebyscore(KEY, "-inf", began - 60)
            try:
                pipe.execute()
            except redis.WatchError:
                return 0
        return len(missing)

    def _record(self, ids: list[Any], expires_at: datetime) -> datetime:
        now = datetime.now(UTC)
        # Kept a little longer than the tokens are taken: some clock may be late.
        kept_until = max(expires_at, now) + timedelta(seconds=60)
        if ids:
            rows = [{"id": one, "revoked_at": now, "expires_at": kept_until} for one in ids]
            Revocation.insert_many(rows).on_conflict_ignore().execute()
        return kept_until

    def _publish(self, ids: list[Any], expires_at: datetime) -> None:
        if not ids:
            return
        committed = time.monotonic()
        try:
            for some in _some({str(one): expires_at.timestamp() for one in ids}):
                self._cache.zadd(KEY, some)
        except redis.RedisError as error:
            log.warning("Redis does not take a revocation (%s): waiting until it vouches no more", error)
            elapsed = time.monotonic() - committed
            time.sleep(max(0.0, self._lease_s + CLOCK_SKEW_S - elapsed))

    def _ask_cache(self, ids: list[str]) -> bool | None:
        """None: Redis does not know."""
        if time.monotonic() < self._rest_until:
            return None
        try:
            scores: Any = self._cache.zmscore(KEY, [LEASE, *ids])
        except redis.RedisError as error:
            log.warning("Redis does not answer (%s): PostgreSQL is asked which tokens were revoked", error)
            self._rest_until = time.monotonic() + REDIS_REST_S
            return None
        lease, *found = scores
        if any(score is not None for score in found):
            return True
        return False if lease is not None and lease > time.time() else None

    def _ask_database(self, ids: list[str]) -> bool:
        try:
            return bool(Revocation.select().where(Revocation.id.in_(ids)).exists())
        except (PeeweeException, MaxConnectionsExceeded) as error:
            log.error("neither Redis nor PostgreSQL tell which tokens were revoked: %s", error)
            raise Unavailable(
                "revocations_unknown", "Whether the access token was revoked cannot be told now. Try again shortly."
            ) from None


def revoke(token: object, access: AccessTokens, revocations: Revocations) -> None:
    """End one access token. What is no valid token needs no ending."""
    try:
        verified = access.verify(token)
    except Unauthenticated:
        return
    revocations.revoke(verified["jti"], datetime.fromisoformat(verified["expires_at"]))


def forget_expired() -> int:
    """Delete what no token can refer to any more; returns how many."""
    deleted: int = Revocation.delete().where(Revocation.expires_at < datetime.now(UTC)).execute()
    return deleted


def _some(entries: dict[str, float]) -> Iterator[dict[str, float]]:
    items = list(entries.items())
    for start in range(0, len(items), 1000):
        yield dict(items[start : start + 1000])
