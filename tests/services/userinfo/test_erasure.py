"""A deleted account leaves nothing behind but a digest, and nothing that is heard late brings it back."""

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from uuid6 import uuid7

from services.kernel.errors import NotFound
from services.userinfo import activities, avatars, erasure, profiles
from tests.services.running import Running, eventually
from tests.services.userinfo.conftest import WITHIN_S, Put, Tell, deleted, finished, ignore

KEY = "avatars/ab/ab" + "0" * 62 + ".jpg"


def everything(userinfo: Running) -> str:
    """All rows of all the domain's tables as text."""
    tables = userinfo.sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'userinfo' AND table_name !~ 'yoyo'"
    )
    return "\n".join(str(userinfo.sql(f"SELECT * FROM userinfo.{name}")) for (name,) in tables)  # noqa: S608


def lived(userinfo: Running, user_id: str) -> list[str]:
    """A user who has used everything; the ids that may not be found afterwards."""
    avatars.stored({"task_id": avatars.begin(user_id)["task_id"], "result": {"key": KEY}}, ignore)
    userinfo.call.update_settings(user_id, {"on_leaderboard": True, "region": "busan"})
    userinfo.call.update_profile(user_id, {"nickname": "지워질이름"})
    scans = [finished(user_id), finished(user_id, kind="metal", item_id="steel_can")]
    for scan in scans:
        activities.record(scan)
    activities.forget(deleted(scans[0]))
    return [user_id, scans[1]["scan_id"], "지워질이름", KEY]


def test_all_that_is_the_users_goes_with_the_account(
    userinfo: Running, user_id: str, tell: Tell, database: Any, put: Put
) -> None:
    traces = lived(userinfo, user_id)
    before = everything(userinfo)
    assert [trace for trace in traces if trace not in before] == []

    tell("auth", "user_deleted", {"user_id": user_id})

    assert put.payloads(1) == [{"key": KEY}]
    eventually(lambda: not userinfo.sql("SELECT 1 FROM userinfo.profiles WHERE user_id = %s", user_id), WITHIN_S)
    left = everything(userinfo)
    assert [trace for trace in traces if trace in left] == []
    assert isinstance(userinfo.refuses(userinfo.call.profile, user_id), NotFound)
    assert userinfo.call.points(user_id) == {"total": 0, "scans": 0}
    assert userinfo.call.characters(user_id)["owned"] == 0


def test_what_is_heard_later_brings_nothing_back(userinfo: Running, user_id: str, database: Any) -> None:
    erasure.erase({"user_id": user_id}, ignore)

    assert profiles.create({"user_id": user_id, "name": "하늘"}) is False
    assert activities.record(finished(user_id)) is False
    assert erasure.erase({"user_id": user_id}, ignore) is False

    assert user_id not in everything(userinfo)


def test_others_lose_nothing(userinfo: Running, user_id: str, register: Callable[..., str], database: Any) -> None:
    other = register("바다")
    lived(userinfo, user_id)
    activities.record(finished(other))

    erasure.erase({"user_id": user_id}, ignore)

    assert userinfo.call.profile(other)["nickname"] == "바다"
    assert userinfo.call.points(other) == {"total": 10, "scans": 1}
    assert userinfo.call.characters(other)["owned"] == 2


def test_an_account_that_was_never_heard_of_is_deleted_all_the_same(userinfo: Running, database: Any) -> None:
    user_id = str(uuid7())

    assert erasure.erase({"user_id": user_id}, ignore) is True
    assert profiles.create({"user_id": user_id, "name": "하늘"}) is False


def test_a_picture_that_cannot_be_discarded_keeps_all_for_the_next_try(
    userinfo: Running, user_id: str, database: Any
) -> None:
    lived(userinfo, user_id)

    def broken(_: str) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        erasure.erase({"user_id": user_id}, broken)
    assert userinfo.call.profile(user_id)["nickname"] == "지워질이름"

    discarded: list[str] = []
    assert erasure.erase({"user_id": user_id}, discarded.append) is True
    assert discarded == [KEY]


def test_only_a_digest_is_kept(userinfo: Running, user_id: str, database: Any) -> None:
    erasure.erase({"user_id": user_id}, ignore)

    [(kept, at)] = userinfo.sql(
        "SELECT user_sha256, erased_at FROM userinfo.erased WHERE user_sha256 = sha256(%s::bytea)", user_id
    )
    assert bytes(kept) == erasure.digest(user_id)
    assert at is not None
    with pytest.raises(psycopg2.errors.CheckViolation):
        userinfo.sql("INSERT INTO userinfo.erased (user_sha256) VALUES (%s)", b"short")
