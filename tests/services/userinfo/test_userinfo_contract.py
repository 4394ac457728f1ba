"""What the service answers is exactly what the gateway declares: no field is missing, none is lost on the way."""

from collections.abc import Callable
from typing import Any

import pytest
from nameko.testing.services import entrypoint_hook
from uuid6 import uuid7

from services.gateway.api import user, user_answers
from services.gateway.shapes import Answer
from services.userinfo import activities, avatars
from tests.services.running import Running
from tests.services.userinfo.conftest import deleted, finished, ignore

KEY = "avatars/cd/cd" + "0" * 62 + ".jpg"

Case = tuple[str, Callable[[str], list[Any]], type[Answer]]

CASES: list[Case] = [
    ("profile", lambda me: [me], user_answers.Profile),
    ("update_profile", lambda me: [me, {"bio": "분리배출"}], user_answers.Profile),
    ("settings", lambda me: [me], user_answers.Settings),
    ("update_settings", lambda me: [me, {"notifications": {"news": True}}], user_answers.Settings),
    ("history", lambda me: [me, 2], user_answers.History),
    ("statistics", lambda me: [me], user_answers.Statistics),
    ("points", lambda me: [me], user_answers.PointsTotal),
    ("point_entries", lambda me: [me, 2], user_answers.PointsEntries),
    ("characters", lambda me: [me], user_answers.Characters),
    ("character", lambda me: [me, "petty"], user_answers.Character),
    ("leaderboard", lambda me: [me, "all"], user_answers.Leaderboard),
    ("leaderboard", lambda me: [None], user_answers.Leaderboard),
]


@pytest.fixture
def busy(userinfo: Running, user_id: str, database: Any) -> str:
    """A user of whom every answer has something to say."""
    userinfo.call.update_settings(user_id, {"on_leaderboard": True, "region": "busan"})
    scans = [
        finished(user_id),
        finished(user_id, kind="metal", item_id="aluminium_can"),
        finished(user_id, kind="glass_bottle", item_id="soju_bottle"),
        finished(user_id, kind="film", item_id="plastic_bag"),
        finished(user_id, insufficiencies=["labelled"]),
        finished(user_id, major=None, kind=None, item_id=None, confidence=None),
        finished(user_id),
    ]
    for scan in scans:
        activities.record(scan)
    activities.forget(deleted(scans[-1]))
    task_id = avatars.begin(user_id)["task_id"]
    avatars.stored({"task_id": task_id, "result": {"key": KEY.replace("0" * 12, user_id[-12:])}}, ignore)
    return user_id


@pytest.mark.parametrize(
    ("method", "arguments", "shape"), CASES, ids=lambda case: case if isinstance(case, str) else ""
)
def test_an_answer_has_exactly_the_declared_fields(
    userinfo: Running, busy: str, method: str, arguments: Callable[[str], list[Any]], shape: type[Answer]
) -> None:
    with entrypoint_hook(userinfo.container, method) as call:
        result = call(*arguments(busy))

    assert shape.model_validate(result).model_dump() == result


def test_an_answer_of_a_user_who_has_done_nothing_fits_too(userinfo: Running, user_id: str) -> None:
    for method, arguments, shape in CASES:
        with entrypoint_hook(userinfo.container, method) as call:
            result = call(*arguments(user_id))
        assert shape.model_validate(result).model_dump() == result, method


def test_every_entrypoint_that_answers_is_declared(userinfo: Running) -> None:
    answering = {
        entrypoint.method_name
        for entrypoint in userinfo.container.entrypoints
        if type(entrypoint).__name__ == "Rpc" and entrypoint.method_name not in ("health", "metrics")
    }

    assert answering == {method for method, _, _ in CASES} | {"avatar_begin", "avatar_remove"}


@pytest.mark.parametrize("changes", [user.ProfileChanges, user.SettingsChanges])
def test_every_field_that_the_gateway_lets_through_is_taken(
    userinfo: Running, user_id: str, changes: type[user.ProfileChanges] | type[user.SettingsChanges]
) -> None:
    wanted = {
        "nickname": "바다",
        "bio": "강가에서",
        "region": "busan",
        "language": "en",
        "units": "imperial",
        "notifications": {"results": False, "weekly": True, "news": True},
        "on_leaderboard": True,
    }
    body = changes.model_validate({name: wanted[name] for name in changes.model_fields})
    method = "update_profile" if changes is user.ProfileChanges else "update_settings"

    with entrypoint_hook(userinfo.container, method) as call:
        result = call(user_id, body.model_dump(exclude_unset=True))

    assert {name: result[name] for name in changes.model_fields} == body.model_dump()


def test_nobody_is_told_of_a_stranger(userinfo: Running) -> None:
    assert userinfo.call.history(str(uuid7())) == {"activities": [], "next": None}
