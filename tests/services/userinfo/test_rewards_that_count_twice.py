"""What Prometheus hears of rewards: each once, when it is committed, however often its event comes, in any order."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
from prometheus_client import REGISTRY
from uuid6 import uuid7

from services.userinfo import activities, metrics, points, profiles
from tests.services.userinfo.conftest import deleted, finished


@pytest.fixture
def granted(database: Any) -> Callable[[], dict[str, float]]:
    """What was granted since the test began, by kind."""

    def value(kind: str) -> float:
        return REGISTRY.get_sample_value("eco2_rewards_total", {"kind": kind}) or 0.0

    kinds = get_args(metrics.Reward)
    before = {kind: value(kind) for kind in kinds}
    return lambda: {kind: value(kind) - before[kind] for kind in kinds if value(kind) != before[kind]}


def test_a_scan_that_is_told_three_times_is_rewarded_once(user_id: str, granted: Callable[[], Any]) -> None:
    scan = finished(user_id)

    for _ in range(3):
        activities.record(scan)

    assert granted() == {"points": 1, "character": 1}


def test_the_second_of_a_kind_brings_points_and_no_character(user_id: str, granted: Callable[[], Any]) -> None:
    for _ in range(2):
        activities.record(finished(user_id))

    assert granted() == {"points": 2, "character": 1}


def test_what_earns_nothing_counts_nothing(user_id: str, granted: Callable[[], Any]) -> None:
    activities.record(finished(user_id, insufficiencies=["dirty"]))
    activities.record(finished(user_id, major="strange", kind="strange"))
    activities.record(finished(None))

    assert granted() == {}


def test_points_go_once_with_their_scan(user_id: str, granted: Callable[[], Any]) -> None:
    scan = finished(user_id)
    activities.record(scan)

    for _ in range(2):
        activities.forget(deleted(scan))

    assert granted() == {"points": 1, "character": 1, "points_taken_back": 1}


def test_a_deletion_that_is_heard_of_first_leads_to_the_same_counts(user_id: str, granted: Callable[[], Any]) -> None:
    scan = finished(user_id)
    activities.forget(deleted(scan))

    for _ in range(2):
        activities.record(scan)

    assert granted() == {"points": 1, "character": 1, "points_taken_back": 1}


def test_what_is_rolled_back_does_not_count(
    user_id: str, granted: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: str) -> bool:
        raise RuntimeError("the database goes away")

    scan = finished(user_id)
    activities.forget(deleted(scan))
    monkeypatch.setattr(points, "take_back", breaks)

    with pytest.raises(RuntimeError):
        activities.record(scan)

    assert granted() == {}


def test_a_user_who_is_told_of_twice_is_welcomed_once(granted: Callable[[], Any]) -> None:
    event = {"user_id": str(uuid7()), "name": "하늘"}

    for _ in range(2):
        profiles.create(event)

    assert granted() == {"character": 1}
