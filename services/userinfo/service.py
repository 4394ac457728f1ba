"""The userinfo service: profiles, history and points over RPC, filled by events."""

from typing import Any

from nameko.rpc import rpc

from services.kernel.database import Database
from services.kernel.errors import Problem
from services.kernel.events import event_handler
from services.kernel.service import EcoService
from services.userinfo import activities, profiles, tables


class UserinfoService(EcoService):
    """Profiles, and what users have scanned and earned. Owns the schema ``userinfo``."""

    name = "userinfo"

    database = Database(tables.ALL)

    @rpc(expected_exceptions=Problem)
    def profile(self, user_id: str) -> dict[str, Any]:
        """Raises `NotFound` ``profile_not_found``."""
        return profiles.get(user_id)

    @rpc(expected_exceptions=Problem)
    def update_profile(self, user_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """The profile after `changes` of nickname, bio, region, language."""
        return profiles.update(user_id, changes)

    @rpc(expected_exceptions=Problem)
    def history(self, user_id: str, limit: int = 20, before: str | None = None) -> dict[str, Any]:
        """``{"activities", "next"}``, the latest first; pass `next` as `before` for the following page."""
        return activities.history(user_id, limit, before)

    @rpc(expected_exceptions=Problem)
    def points(self, user_id: str) -> dict[str, int]:
        """``{"total", "scans"}``."""
        return activities.points(user_id)

    @event_handler("auth", "user_registered")
    def user_registered(self, event: dict[str, Any]) -> None:
        profiles.create(event)

    @event_handler("waste", "scan_completed")
    def scan_completed(self, event: dict[str, Any]) -> None:
        activities.record(event)
