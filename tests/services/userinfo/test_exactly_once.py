"""Whatever comes twice, late, in any order or at once: every scan counts once, and an erased user stays erased.

The expected outcome is worked out from the set of events alone, without their order and number.
"""

from dataclasses import dataclass
from typing import Any

import eventlet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid6 import uuid7

from services.userinfo import activities, erasure, profiles
from services.userinfo.characters import OF_KIND
from services.userinfo.tables import Profile
from tests.services.running import Running
from tests.services.userinfo.conftest import deleted, finished

KINDS = ("paper", "metal", "clear_pet", "of_a_later_version")

SLOW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Told:
    """A scan that is told of `times` times, and is deleted, told `deletions` times."""

    kind: str
    clean: bool
    times: int
    deletions: int


TOLD = st.builds(Told, st.sampled_from(KINDS), st.booleans(), st.integers(1, 3), st.integers(0, 2))


def events_of(user_id: str, told: list[Told]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for one in told:
        scan = finished(user_id, kind=one.kind, insufficiencies=[] if one.clean else ["dirty"])
        found += [("completed", scan)] * one.times + [("deleted", deleted(scan))] * one.deletions
    return found


def hear(event: tuple[str, dict[str, Any]]) -> None:
    name, told = event
    with Profile._meta.database.connection_context():
        if name == "erased":
            erasure.erase(told, lambda _: None)
        else:
            {"completed": activities.record, "deleted": activities.forget, "registered": profiles.create}[name](told)


def check(userinfo: Running, user_id: str, told: list[Told]) -> None:
    kept = [one for one in told if not one.deletions]
    earned = [one for one in told if one.clean]
    assert userinfo.call.points(user_id) == {"total": 10 * sum(one.clean for one in kept), "scans": len(kept)}
    entries = userinfo.sql("SELECT amount FROM userinfo.points WHERE user_id = %s", user_id)
    assert sorted(amount for (amount,) in entries) == [-10] * sum(bool(one.deletions) for one in earned) + [10] * len(
        earned
    )
    owned = userinfo.sql("SELECT character FROM userinfo.characters WHERE user_id = %s", user_id)
    assert sorted(code for (code,) in owned) == sorted(
        OF_KIND[kind].code for kind in {one.kind for one in earned} & set(OF_KIND)
    )
    sums = userinfo.sql("SELECT sum(points) FROM userinfo.scores WHERE user_id = %s AND week > '0001-01-01'", user_id)
    assert (sums[0][0] or 0) == 10 * sum(one.clean for one in kept)


@SLOW
@given(st.data(), st.lists(TOLD, min_size=1, max_size=5))
def test_any_order_and_number_of_events_ends_the_same(userinfo: Running, data: st.DataObject, told: list[Told]) -> None:
    user_id = str(uuid7())

    for event in data.draw(st.permutations(events_of(user_id, told))):
        hear(event)

    check(userinfo, user_id, told)


@settings(SLOW, max_examples=15)
@given(st.data(), st.lists(TOLD, min_size=1, max_size=5))
def test_events_that_are_heard_at_once_end_the_same(userinfo: Running, data: st.DataObject, told: list[Told]) -> None:
    user_id = str(uuid7())
    events = data.draw(st.permutations(events_of(user_id, told)))

    list(eventlet.GreenPool(6).imap(hear, events))

    check(userinfo, user_id, told)


@settings(SLOW, max_examples=25)
@given(st.data(), st.lists(TOLD, max_size=3), st.booleans())
def test_an_erased_user_stays_erased_whatever_is_heard_when(
    userinfo: Running, data: st.DataObject, told: list[Told], at_once: bool
) -> None:
    user_id = str(uuid7())
    account = [("registered", {"user_id": user_id, "name": "하늘"}), ("erased", {"user_id": user_id})]
    events = data.draw(st.permutations([*events_of(user_id, told), *account]))

    if at_once:
        list(eventlet.GreenPool(6).imap(hear, events))
    else:
        for event in events:
            hear(event)

    for query in (
        "SELECT 1 FROM userinfo.profiles WHERE user_id = %s",
        "SELECT 1 FROM userinfo.activities WHERE user_id = %s",
        "SELECT 1 FROM userinfo.points WHERE user_id = %s",
        "SELECT 1 FROM userinfo.scores WHERE user_id = %s",
        "SELECT 1 FROM userinfo.characters WHERE user_id = %s",
    ):
        assert userinfo.sql(query, user_id) == []
