"""Settings: what a user may choose, and what is chosen for those who have not."""

from typing import Any

import psycopg2
import pytest
from uuid6 import uuid7

from services.kernel.errors import NotFound, Unprocessable
from tests.services.running import Running

DEFAULTS = {
    "language": "ko",
    "region": None,
    "units": "metric",
    "notifications": {"results": True, "weekly": False, "news": False},
    "on_leaderboard": False,
}


def chosen(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "updated_at"}


def test_a_new_user_is_not_on_the_leaderboard_and_gets_no_news(userinfo: Running, user_id: str) -> None:
    assert chosen(userinfo.call.settings(user_id)) == DEFAULTS


def test_a_change_changes_what_it_names(userinfo: Running, user_id: str) -> None:
    after = userinfo.call.update_settings(user_id, {"units": "imperial", "on_leaderboard": True})

    assert chosen(after) == {**DEFAULTS, "units": "imperial", "on_leaderboard": True}
    assert userinfo.call.settings(user_id) == after


def test_one_notification_is_changed_without_the_others(userinfo: Running, user_id: str) -> None:
    userinfo.call.update_settings(user_id, {"notifications": {"weekly": True}})

    after = userinfo.call.update_settings(user_id, {"notifications": {"results": False}})

    assert after["notifications"] == {"results": False, "weekly": True, "news": False}


def test_a_region_is_looked_up_and_kept_by_its_id(userinfo: Running, user_id: str) -> None:
    assert userinfo.call.update_settings(user_id, {"region": " 서울 강남구 "})["region"] == "seoul_gangnam"
    assert userinfo.call.update_settings(user_id, {"units": "metric"})["region"] == "seoul_gangnam"
    assert userinfo.call.update_settings(user_id, {"region": None})["region"] is None


def test_language_and_region_are_those_of_the_profile(userinfo: Running, user_id: str) -> None:
    userinfo.call.update_settings(user_id, {"language": "en", "region": "busan"})

    profile = userinfo.call.profile(user_id)
    assert (profile["language"], profile["region"]) == ("en", "busan")


@pytest.mark.parametrize(("text", "code"), [("아틀란티스", "unknown_region"), ("중구", "ambiguous_region")])
def test_a_region_that_is_not_clear_is_refused_and_nothing_is_changed(
    userinfo: Running, user_id: str, text: str, code: str
) -> None:
    problem = userinfo.refuses(userinfo.call.update_settings, user_id, {"units": "imperial", "region": text})

    assert (problem.code, problem.errors[0]["field"]) == (code, "region")
    assert chosen(userinfo.call.settings(user_id)) == DEFAULTS


@pytest.mark.parametrize(
    ("change", "field"),
    [
        *[({"language": bad}, "language") for bad in ("fr", "", None, 1)],
        *[({"units": bad}, "units") for bad in ("stone", None)],
        *[({"on_leaderboard": bad}, "on_leaderboard") for bad in ("true", 1, None)],
        *[({"notifications": bad}, "notifications") for bad in (None, True, ["weekly"])],
        ({"notifications": {"weekly": "yes"}}, "notifications.weekly"),
        ({"notifications": {"sms": True}}, "notifications.sms"),
        *[({"region": bad}, "region") for bad in ("", "x" * 51, 7, "서\n울", "\x00")],
        *[({name: 1}, name) for name in ("points", "user_id", "notify_weekly", "avatar_key", "nickname")],
    ],
)
def test_an_unknown_setting_or_a_bad_value_is_refused_whole(
    userinfo: Running, user_id: str, change: dict[str, Any], field: str
) -> None:
    problem = userinfo.refuses(userinfo.call.update_settings, user_id, {"units": "imperial", **change})

    assert isinstance(problem, Unprocessable)
    assert [fault["field"] for fault in problem.errors] == [field]
    assert chosen(userinfo.call.settings(user_id)) == DEFAULTS


def test_an_empty_change_changes_nothing(userinfo: Running, user_id: str) -> None:
    before = userinfo.call.settings(user_id)

    assert userinfo.call.update_settings(user_id, {}) == before
    assert userinfo.call.update_settings(user_id, {"notifications": {}}) == before


@pytest.mark.parametrize("nobody", [str(uuid7()), "", "me", None, "\x00"])
def test_nobody_has_no_settings(userinfo: Running, nobody: object) -> None:
    for problem in (
        userinfo.refuses(userinfo.call.settings, nobody),
        userinfo.refuses(userinfo.call.update_settings, nobody, {"units": "metric"}),
    ):
        assert isinstance(problem, NotFound)
        assert problem.code == "profile_not_found"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE userinfo.profiles SET region = '서울' WHERE user_id = %s",
        "UPDATE userinfo.profiles SET units = 'stone' WHERE user_id = %s",
        "UPDATE userinfo.profiles SET language = 'fr' WHERE user_id = %s",
        "UPDATE userinfo.profiles SET avatar_key = 'avatars/ab/x.jpg', avatar_change = user_id WHERE user_id = %s",
        "UPDATE userinfo.profiles SET avatar_key = 'avatars/00/' || repeat('0', 64) || '.jpg' WHERE user_id = %s",
    ],
)
def test_the_database_refuses_what_is_no_setting(userinfo: Running, user_id: str, statement: str) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation):
        userinfo.sql(statement, user_id)
