"""Avatars: the picture that was chosen last is shown, in whatever order pictures are stored; the others are deleted."""

import hashlib
from functools import partial
from typing import Any

import pytest
from uuid6 import uuid7

from services.kernel.errors import NotFound
from services.userinfo import avatars, erasure
from tests.services.running import Running, eventually
from tests.services.userinfo.conftest import WITHIN_S, Put, Tell, ignore

Discarded = list[str]


def key(name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"avatars/{digest[:2]}/{digest}.jpg"


def stored(task_id: str, image_key: str) -> dict[str, Any]:
    """What the storage worker tells."""
    return {"task_id": task_id, "attempt": 1, "result": {"key": image_key, "bytes": 9, "content_type": "image/jpeg"}}


def shown(userinfo: Running, user_id: str) -> str | None:
    url: str | None = userinfo.call.profile(user_id)["avatar_url"]
    return url


def test_a_stored_picture_is_shown_and_the_one_before_is_deleted(
    userinfo: Running, user_id: str, tell: Tell, put: Put
) -> None:
    def is_shown(name: str) -> bool:
        return key(name + user_id) in (shown(userinfo, user_id) or "")

    for name in ("first", "second"):
        task_id = userinfo.call.avatar_begin(user_id)["task_id"]
        tell("storage", "image.store.completed", stored(task_id, key(name + user_id)))
        eventually(partial(is_shown, name), WITHIN_S)

    assert shown(userinfo, user_id) == f"{str(userinfo.config.cdn_url).rstrip('/')}/{key('second' + user_id)}"
    old = key("first" + user_id)
    assert put.payloads(1) == [{"key": old}]


def test_the_task_id_says_whose_picture_it_is(userinfo: Running, user_id: str) -> None:
    owner, _, kind = userinfo.call.avatar_begin(user_id.upper())["task_id"].split(".")

    assert (owner, kind) == (user_id, "avatar")


def test_pictures_stored_in_the_wrong_order_leave_the_one_that_was_begun_last(
    userinfo: Running, user_id: str, database: Any
) -> None:
    discarded: Discarded = []
    first, second = (userinfo.call.avatar_begin(user_id)["task_id"] for _ in range(2))

    assert avatars.stored(stored(second, key("second" + user_id)), discarded.append) is True
    assert avatars.stored(stored(first, key("first" + user_id)), discarded.append) is False

    assert key("second" + user_id) in (shown(userinfo, user_id) or "")
    assert discarded == [key("first" + user_id)]


def test_a_picture_that_is_told_of_twice_is_set_once_and_stays(userinfo: Running, user_id: str, database: Any) -> None:
    discarded: Discarded = []
    event = stored(userinfo.call.avatar_begin(user_id)["task_id"], key(user_id))

    assert [avatars.stored(event, discarded.append) for _ in range(3)] == [True, False, False]

    assert key(user_id) in (shown(userinfo, user_id) or "")
    assert discarded == []


def test_a_removed_picture_is_deleted_and_one_on_its_way_does_not_appear(
    userinfo: Running, user_id: str, database: Any
) -> None:
    discarded: Discarded = []
    avatars.stored(stored(userinfo.call.avatar_begin(user_id)["task_id"], key("old" + user_id)), discarded.append)
    on_its_way = userinfo.call.avatar_begin(user_id)["task_id"]

    avatars.remove(user_id, discarded.append)
    avatars.stored(stored(on_its_way, key("late" + user_id)), discarded.append)

    assert shown(userinfo, user_id) is None
    assert discarded == [key("old" + user_id), key("late" + user_id)]


def test_removing_over_rpc_puts_the_task_and_may_be_repeated(
    userinfo: Running, user_id: str, database: Any, put: Put
) -> None:
    avatars.stored(stored(userinfo.call.avatar_begin(user_id)["task_id"], key(user_id)), ignore)

    assert userinfo.call.avatar_remove(user_id) is None
    assert userinfo.call.avatar_remove(user_id) is None

    assert put.payloads(1) == [{"key": key(user_id)}]


def test_a_picture_that_is_stored_again_after_its_deletion_is_deleted_again(
    userinfo: Running, user_id: str, tell: Tell, put: Put
) -> None:
    event = stored(userinfo.call.avatar_begin(user_id)["task_id"], key(user_id))
    userinfo.call.avatar_remove(user_id)
    for times in (1, 2):
        tell("storage", "image.store.completed", event)
        assert put.payloads(times) == [{"key": key(user_id)}] * times

    assert len({task_id for task_id, _ in put.tasks}) == 2  # a journal would not run the same task again


def test_a_picture_whose_task_cannot_be_put_is_not_forgotten(userinfo: Running, user_id: str, database: Any) -> None:
    avatars.stored(stored(userinfo.call.avatar_begin(user_id)["task_id"], key("old" + user_id)), ignore)
    event = stored(userinfo.call.avatar_begin(user_id)["task_id"], key("new" + user_id))

    def broken(_: str) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        avatars.stored(event, broken)
    assert key("old" + user_id) in (shown(userinfo, user_id) or "")

    discarded: Discarded = []
    assert avatars.stored(event, discarded.append) is True
    assert discarded == [key("old" + user_id)]


def test_the_picture_of_a_user_who_is_gone_is_deleted(userinfo: Running, user_id: str, database: Any) -> None:
    discarded: Discarded = []
    task_id = userinfo.call.avatar_begin(user_id)["task_id"]
    erasure.erase({"user_id": user_id}, discarded.append)

    assert avatars.stored(stored(task_id, key(user_id)), discarded.append) is False

    assert discarded == [key(user_id)]


@pytest.mark.parametrize(
    "task_id", [f"{uuid7()}.store", f"{uuid7()}.avatar", "x.y.avatar", f"{uuid7()}.{uuid7()}.avatar.x", ""]
)
def test_other_pictures_are_not_ours(userinfo: Running, database: Any, task_id: str) -> None:
    discarded: Discarded = []

    assert avatars.stored(stored(task_id, "scans/ab/cd.jpg"), discarded.append) is False
    assert discarded == []


@pytest.mark.parametrize("nobody", [str(uuid7()), "", None])
@pytest.mark.parametrize("method", ["avatar_begin", "avatar_remove"])
def test_nobody_has_no_picture(userinfo: Running, method: str, nobody: object) -> None:
    problem = userinfo.refuses(getattr(userinfo.call, method), nobody)

    assert isinstance(problem, NotFound)
    assert problem.code == "profile_not_found"
