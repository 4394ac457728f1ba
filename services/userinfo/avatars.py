"""Avatars: the picture of a profile. The storage worker keeps it; here stands its key.

Every change, an upload or a removal, has a UUIDv7 from the moment it is begun, and only a later one replaces an
earlier one: pictures may be stored in any order, and be told twice. A picture that lost is deleted again.
"""

import re
import uuid
from datetime import UTC, datetime

from pydantic import BaseModel
from uuid6 import uuid7

from services.kernel.arguments import UUID, checked, missing, parse
from services.userinfo import locks, profiles
from services.userinfo.erasure import Discard
from services.userinfo.profiles import UserId
from services.userinfo.tables import Profile

_TASK = re.compile(rf"(?P<user>{UUID.pattern})\.(?P<change>{UUID.pattern})\.avatar", re.ASCII)


class Stored(BaseModel):
    key: str


class ImageStored(BaseModel):
    """The storage worker's event. Its other fields are not ours."""

    task_id: str
    result: Stored


@checked
def begin(user_id: UserId) -> dict[str, str]:
    """``{"task_id"}``, under which the picture is to be stored. Raises `NotFound` ``profile_not_found``."""
    profiles.find(user_id)
    return {"task_id": f"{user_id}.{uuid7()}.avatar"}


def stored(event: object, discard: Discard) -> bool:
    """A picture is stored: show it, and discard the one before; false when it is no avatar, or changes nothing.

    A picture whose user is gone, or has begun another change since, is discarded itself. What `discard` raises leaves
    all as it was.
    """
    image = parse(ImageStored, event)
    task = _TASK.fullmatch(image.task_id)
    if task is None:
        return False
    user_id, begun, key = task["user"], uuid.UUID(task["change"]), image.result.key
    with Profile._meta.database.atomic():
        locks.take_user(user_id)
        profile: Profile | None = Profile.get_or_none(user_id=user_id)
        if profile is not None and profile.avatar_change == begun:
            return False
        if profile is None or (profile.avatar_change is not None and profile.avatar_change > begun):
            discard(key)
            return False
        _set(profile, key, begun, discard)
        return True


@checked
def remove(user_id: UserId, discard: Discard) -> None:
    """No picture from now on, not even one that is being stored. Raises `NotFound` ``profile_not_found``."""
    with Profile._meta.database.atomic():
        locks.take_user(user_id)
        profile: Profile | None = Profile.get_or_none(user_id=user_id)
        if profile is None:
            raise missing("profile")
        _set(profile, None, uuid.UUID(int=uuid7().int), discard)


def _set(profile: Profile, key: str | None, change: uuid.UUID, discard: Discard) -> None:
    new = {"avatar_key": key, "avatar_change": change, "updated_at": datetime.now(UTC)}
    Profile.update(**new).where(Profile.user_id == profile.user_id).execute()
    if profile.avatar_key and profile.avatar_key != key:
        discard(profile.avatar_key)
