"""Profiles: made by an event, changed by their user."""

from typing import Any

import pytest
from kombu import Connection
from uuid6 import uuid7

from services.kernel.errors import NotFound, Unprocessable
from services.userinfo import profiles
from tests.services.running import Running, eventually
from tests.services.userinfo.conftest import Tell


def test_a_registered_user_has_a_profile(userinfo: Running, user_id: str) -> None:
    profile = userinfo.call.profile(user_id)

    assert profile["user_id"] == user_id
    assert (profile["nickname"], profile["bio"], profile["region"], profile["language"]) == ("하늘", "", None, "ko")
    assert profile["avatar_url"] is None


def test_hearing_of_a_registration_again_changes_nothing(userinfo: Running, user_id: str, database: Any) -> None:
    userinfo.call.update_profile(user_id, {"nickname": "바다"})

    assert profiles.create({"user_id": user_id, "name": "하늘"}) is False
    assert userinfo.call.profile(user_id)["nickname"] == "바다"


def test_a_name_longer_than_a_nickname_is_cut(userinfo: Running, database: Any) -> None:
    user_id = str(uuid7())

    profiles.create({"user_id": user_id, "name": "가" * 50, "of_a_later_version": True})

    assert userinfo.call.profile(user_id)["nickname"] == "가" * 30


def test_an_event_that_cannot_be_read_ends_in_the_dead_letters(userinfo: Running, tell: Tell) -> None:
    dead = "evt-auth-user_registered--userinfo.user_registered.dead"
    with Connection(str(userinfo.config.amqp_url)) as connection, connection.SimpleQueue(dead) as letters:
        letters.clear()
        tell("auth", "user_registered", {"user_id": "nonsense", "name": "x"})

        letter = letters.get(timeout=10)
        letter.ack()

    assert letter.payload == {"user_id": "nonsense", "name": "x"}


def test_an_update_changes_what_it_names(userinfo: Running, user_id: str) -> None:
    before = userinfo.call.profile(user_id)

    after = userinfo.call.update_profile(user_id, {"bio": "분리수거\n좋아해요", "language": "en"})

    assert after == {**before, "bio": "분리수거\n좋아해요", "language": "en", "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert userinfo.call.profile(user_id) == after


def test_an_empty_update_changes_nothing(userinfo: Running, user_id: str) -> None:
    assert userinfo.call.update_profile(user_id, {}) == userinfo.call.profile(user_id)


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        *[("nickname", bad) for bad in ("", "  ", "x" * 31, "a\x00", "a\nb", "\ud800", None, 7)],
        *[("bio", bad) for bad in ("x" * 201, "\x00", None)],
        *[("region", bad) for bad in ("", "x" * 51, "서울\n강남", 7, "아틀란티스")],
        *[("language", bad) for bad in ("fr", "", "KO", None, 1)],
        *[("avatar_key", "avatars/ab/cd.jpg"), ("verified", True), ("on_leaderboard", True)],
        *[("points", 1_000_000), ("user_id", str(uuid7())), ("created_at", "2020-01-01")],
    ],
)
def test_an_unknown_field_or_a_bad_value_is_refused_whole(
    userinfo: Running, user_id: str, field: str, bad: object
) -> None:
    problem = userinfo.refuses(userinfo.call.update_profile, user_id, {"bio": "changed", field: bad})

    assert isinstance(problem, Unprocessable)
    assert [fault["field"] for fault in problem.errors] == [field]
    assert userinfo.call.profile(user_id)["bio"] == ""


def test_a_region_is_kept_by_its_id_however_it_is_written(userinfo: Running, user_id: str) -> None:
    assert userinfo.call.update_profile(user_id, {"region": "서울 마포구"})["region"] == "seoul_mapo"
    assert userinfo.call.update_profile(user_id, {"region": "seoul_mapo"})["region"] == "seoul_mapo"
    assert userinfo.call.settings(user_id)["region"] == "seoul_mapo"
    assert userinfo.call.update_profile(user_id, {"region": None})["region"] is None


def test_a_region_of_a_name_that_several_have_is_refused_and_nothing_changes(userinfo: Running, user_id: str) -> None:
    problem = userinfo.refuses(userinfo.call.update_profile, user_id, {"bio": "changed", "region": "중구"})

    assert problem.code == "ambiguous_region"
    assert userinfo.call.profile(user_id)["bio"] == ""


@pytest.mark.parametrize("bad", [None, "x", 7, ["nickname"]])
def test_changes_are_an_object(userinfo: Running, user_id: str, bad: object) -> None:
    assert userinfo.refuses(userinfo.call.update_profile, user_id, bad).code == "invalid_arguments"


@pytest.mark.parametrize("nobody", [str(uuid7()), "", "me", None, "\x00"])
@pytest.mark.parametrize("method", ["profile", "update_profile"])
def test_nobody_has_no_profile(userinfo: Running, method: str, nobody: object) -> None:
    arguments: list[Any] = [{"bio": "x"}] if method == "update_profile" else []

    problem = userinfo.refuses(getattr(userinfo.call, method), nobody, *arguments)

    assert isinstance(problem, NotFound)
    assert problem.code == "profile_not_found"


def test_a_profile_comes_as_soon_as_its_event(userinfo: Running, tell: Tell) -> None:
    user_id = str(uuid7())
    assert userinfo.refuses(userinfo.call.profile, user_id).code == "profile_not_found"

    tell("auth", "user_registered", {"user_id": user_id, "name": "하늘"})

    def arrived() -> bool:
        return bool(userinfo.sql("SELECT 1 FROM userinfo.profiles WHERE user_id = %s", user_id))

    assert eventually(arrived)
