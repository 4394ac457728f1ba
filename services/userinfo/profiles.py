"""Profiles: how a user wants to be shown and spoken to."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict

from services.kernel.arguments import Id, Line, Lines, checked, missing, parse
from services.userinfo.tables import Profile

NICKNAME_LONGEST = 30

UserId = Annotated[str, Id("profile")]


class UserRegistered(BaseModel):
    """Auth's event. Its other fields are not ours."""

    user_id: UserId
    name: Annotated[str, Line(1, 200)]


class Changes(BaseModel):
    """What a user may change; absent fields stay."""

    model_config = ConfigDict(extra="forbid")

    nickname: Annotated[str, Line(1, NICKNAME_LONGEST)] = ""
    bio: Annotated[str, Lines(0, 200)] = ""
    region: Annotated[str, Line(0, 40)] = ""
    language: Literal["ko", "en"] = "ko"


def create(event: object) -> bool:
    """The profile of a new user; false when there was one already."""
    user = parse(UserRegistered, event)
    now = datetime.now(UTC)
    made = Profile.insert(
        user_id=user.user_id, nickname=user.name[:NICKNAME_LONGEST].strip(), created_at=now, updated_at=now
    )
    return bool(made.on_conflict_ignore().as_rowcount().execute())


@checked
def get(user_id: UserId) -> dict[str, Any]:
    """Raises `NotFound` ``profile_not_found``."""
    profile = Profile.get_or_none(user_id=user_id)
    if profile is None:
        raise missing("profile")
    return _as_dict(profile)


@checked
def update(user_id: UserId, changes: dict[str, Any]) -> dict[str, Any]:
    """The profile after `changes`. Raises `NotFound`; `Unprocessable` for an unknown field or a bad value."""
    wanted = parse(Changes, changes).model_dump(exclude_unset=True)
    if not wanted:
        return get(user_id)
    change = Profile.update(**wanted, updated_at=datetime.now(UTC)).where(Profile.user_id == user_id)
    profile = next(iter(change.returning(Profile).execute()), None)
    if profile is None:
        raise missing("profile")
    return _as_dict(profile)


def _as_dict(profile: Profile) -> dict[str, Any]:
    return {
        "user_id": str(profile.user_id),
        "nickname": profile.nickname,
        "bio": profile.bio,
        "region": profile.region,
        "language": profile.language,
        "created_at": profile.created_at.isoformat(),
        "updated_at": profile.updated_at.isoformat(),
    }
