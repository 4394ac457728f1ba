"""Settings: how a user wants to be spoken to, what to be told of, and whether to stand on the leaderboard."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, StrictBool

from services.kernel.arguments import checked, parse
from services.userinfo import profiles
from services.userinfo.profiles import FindRegion, Language, Place, UserId
from services.userinfo.tables import Profile

Units = Literal["metric", "imperial"]


class Notifications(BaseModel):
    """`results`: when a scan is finished; `weekly`: a summary of the week; `news`: changed rules and new features."""

    model_config = ConfigDict(extra="forbid")

    results: StrictBool = True
    weekly: StrictBool = False
    news: StrictBool = False


class Changes(BaseModel):
    """What a user may set; absent fields stay, also among the notifications."""

    model_config = ConfigDict(extra="forbid")

    language: Language = "ko"
    region: Place = None
    units: Units = "metric"
    notifications: Notifications = Notifications()
    on_leaderboard: StrictBool = False


@checked
def get(user_id: UserId) -> dict[str, Any]:
    """Raises `NotFound` ``profile_not_found``."""
    return _as_dict(profiles.find(user_id))


@checked
def update(user_id: UserId, changes: dict[str, Any], find_region: FindRegion) -> dict[str, Any]:
    """The settings after `changes`.

    Raises `NotFound`; `Unprocessable` for an unknown field or a bad value, ``unknown_region``, ``ambiguous_region``.
    """
    wanted = parse(Changes, changes).model_dump(exclude_unset=True)
    flags = wanted.pop("notifications", {})
    columns = {**wanted, **{f"notify_{name}": flag for name, flag in flags.items()}}
    return _as_dict(profiles.change(user_id, columns, find_region))


def _as_dict(profile: Profile) -> dict[str, Any]:
    return {
        "language": profile.language,
        "region": profile.region,
        "units": profile.units,
        "notifications": {name: getattr(profile, f"notify_{name}") for name in Notifications.model_fields},
        "on_leaderboard": profile.on_leaderboard,
        "updated_at": profile.updated_at.isoformat(),
    }
