"""Profiles: how a user wants to be shown."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict

from services.kernel.arguments import Id, Line, Lines, checked, missing, parse
from services.userinfo import characters, erasure, locks, metrics
from services.userinfo.tables import Profile

NICKNAME_LONGEST = 30

UserId = Annotated[str, Id("profile")]
Language = Literal["ko", "en"]
Place = Annotated[str, Line(1, 50)] | None
"""A region as people write it, or its id; None: the rules of the whole country."""

FindRegion = Callable[[str], str]
"""The id of the region that is meant. Raises `Unprocessable` ``unknown_region``, ``ambiguous_region``."""


class UserRegistered(BaseModel):
    """Auth's event. Its other fields are not ours."""

    user_id: UserId
    name: Annotated[str, Line(1, 200)]


class Changes(BaseModel):
    """What a user may change; absent fields stay."""

    model_config = ConfigDict(extra="forbid")

    nickname: Annotated[str, Line(1, NICKNAME_LONGEST)] = ""
    bio: Annotated[str, Lines(0, 200)] = ""
    region: Place = None
    language: Language = "ko"


def create(event: object) -> bool:
    """The profile of a new user, with the first character; false when there was one, or the account is deleted."""
    user = parse(UserRegistered, event)
    now = datetime.now(UTC)
    with Profile._meta.database.atomic():
        locks.take_user(user.user_id)
        if erasure.is_erased(user.user_id):
            return False
        made = Profile.insert(
            user_id=user.user_id, nickname=user.name[:NICKNAME_LONGEST].strip(), created_at=now, updated_at=now
        )
        new = bool(made.on_conflict_ignore().as_rowcount().execute())
        welcomed = new and characters.welcome(user.user_id, now)
    if welcomed:
        metrics.granted("character")
    return new


@checked
def get(user_id: UserId, cdn_url: str) -> dict[str, Any]:
    """Raises `NotFound` ``profile_not_found``."""
    return as_dict(find(user_id), cdn_url)


@checked
def update(user_id: UserId, changes: dict[str, Any], cdn_url: str, find_region: FindRegion) -> dict[str, Any]:
    """The profile after `changes`.

    Raises `NotFound`; `Unprocessable` for an unknown field or a bad value, ``unknown_region``, ``ambiguous_region``.
    """
    wanted = parse(Changes, changes).model_dump(exclude_unset=True)
    return as_dict(change(user_id, wanted, find_region), cdn_url)


def find(user_id: str) -> Profile:
    """Raises `NotFound` ``profile_not_found``."""
    profile: Profile | None = Profile.get_or_none(user_id=user_id)
    if profile is None:
        raise missing("profile")
    return profile


def change(user_id: str, wanted: dict[str, Any], find_region: FindRegion) -> Profile:
    """The row after the change of these columns; a region is looked up before anything is changed."""
    found = find(user_id)
    if not wanted:
        return found
    if wanted.get("region") is not None:
        wanted = {**wanted, "region": find_region(wanted["region"])}
    with Profile._meta.database.atomic():
        locks.take_user(user_id)
        update = Profile.update(**wanted, updated_at=datetime.now(UTC)).where(Profile.user_id == user_id)
        changed: Profile | None = next(iter(update.returning(Profile).execute()), None)
    if changed is None:
        raise missing("profile")
    return changed


def as_dict(profile: Profile, cdn_url: str) -> dict[str, Any]:
    return {
        "user_id": str(profile.user_id),
        "nickname": profile.nickname,
        "bio": profile.bio,
        "region": profile.region,
        "language": profile.language,
        "avatar_url": f"{cdn_url.rstrip('/')}/{profile.avatar_key}" if profile.avatar_key else None,
        "created_at": profile.created_at.isoformat(),
        "updated_at": profile.updated_at.isoformat(),
    }
