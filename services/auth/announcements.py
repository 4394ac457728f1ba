"""Events on their way to the other domains: kept with what caused them, told in order, at least once.

    transaction: the account and its announcement  -->  every second: to the broker, then forgotten

A broker that is down delays them and loses none.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from services.auth.tables import Announcement

AT_ONCE = 100
# Two tellers could tell that somebody is gone before that they came.
ONE_TELLER = "SELECT pg_try_advisory_xact_lock(hashtextextended('auth.announcements', 0))"

Tell = Callable[[str, dict[str, str]], None]
"""Dispatches an event, and raises when that cannot be."""


def add(event: str, payload: dict[str, str]) -> None:
    """Have `event` told when the running transaction is committed."""
    Announcement.create(event=event, payload=payload, created_at=datetime.now(UTC))


def tell_waiting(tell: Tell) -> int:
    """Tell what waits; returns how many. What `tell` raises leaves all of them to be told again."""
    database = Announcement._meta.database
    with database.atomic():
        [(alone,)] = database.execute_sql(ONE_TELLER).fetchall()
        waiting = list(Announcement.select().order_by(Announcement.id).limit(AT_ONCE)) if alone else []
        for one in waiting:
            tell(one.event, one.payload)
        if waiting:
            Announcement.delete().where(Announcement.id.in_([one.id for one in waiting])).execute()
    return len(waiting)
