"""The userinfo service: profiles, settings, history, points, characters and the leaderboard, filled by events."""

import uuid
from typing import Any

from nameko.rpc import rpc

from services.kernel.config import config
from services.kernel.database import Database
from services.kernel.errors import Problem
from services.kernel.events import event_handler
from services.kernel.rpc import Remote
from services.kernel.service import EcoService
from services.userinfo import (
    activities,
    avatars,
    characters,
    erasure,
    leaderboard,
    points,
    profiles,
    settings,
    statistics,
    tables,
)
from wal.amqp import TaskQueue


class UserinfoService(EcoService):
    """Profiles, and what users have scanned, earned and collected. Owns the schema ``userinfo``."""

    name = "userinfo"

    database = Database(tables.ALL)
    tasks = TaskQueue()
    recycle = Remote("recycle")

    @rpc(expected_exceptions=Problem)
    def profile(self, user_id: str) -> dict[str, Any]:
        """Raises `NotFound` ``profile_not_found``."""
        return profiles.get(user_id, str(config().cdn_url))

    @rpc(expected_exceptions=Problem)
    def update_profile(self, user_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """The profile after `changes` of nickname, bio, region, language."""
        return profiles.update(user_id, changes, str(config().cdn_url), self._region)

    @rpc(expected_exceptions=Problem)
    def settings(self, user_id: str) -> dict[str, Any]:
        """``{"language", "region", "units", "notifications", "on_leaderboard", "updated_at"}``."""
        return settings.get(user_id)

    @rpc(expected_exceptions=Problem)
    def update_settings(self, user_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """The settings after `changes` of any of them."""
        return settings.update(user_id, changes, self._region)

    @rpc(expected_exceptions=Problem)
    def avatar_begin(self, user_id: str) -> dict[str, str]:
        """``{"task_id"}``: the id of the task ``image.store`` for the user's new picture; shown once it is stored."""
        return avatars.begin(user_id)

    @rpc(expected_exceptions=Problem)
    def avatar_remove(self, user_id: str) -> None:
        """No picture any more, nor one that is being stored."""
        avatars.remove(user_id, self._discard)

    @rpc(expected_exceptions=Problem)
    def history(self, user_id: str, limit: int = 20, before: str | None = None) -> dict[str, Any]:
        """``{"activities", "next"}``, the latest first; pass `next` as `before` for the following page."""
        return activities.history(user_id, limit, before)

    @rpc(expected_exceptions=Problem)
    def statistics(self, user_id: str, since: str | None = None, until: str | None = None) -> dict[str, Any]:
        """Scans by class, kind and week, and what they saved, over the days `since` to `until` in Seoul."""
        limits = config().userinfo
        return statistics.of_period(
            user_id, since, until, default_days=limits.statistics_days, most_days=limits.statistics_most_days
        )

    @rpc(expected_exceptions=Problem)
    def points(self, user_id: str) -> dict[str, int]:
        """``{"total", "scans"}``."""
        return points.total(user_id)

    @rpc(expected_exceptions=Problem)
    def point_entries(self, user_id: str, limit: int = 20, before: str | None = None) -> dict[str, Any]:
        """``{"entries", "next"}`` of the ledger, the latest first; pass `next` as `before` for the following page."""
        return points.entries(user_id, limit, before)

    @rpc(expected_exceptions=Problem)
    def characters(self, user_id: str) -> dict[str, Any]:
        """``{"characters", "owned", "total"}``: all there are, each with whether the user has it."""
        return characters.all_of(user_id)

    @rpc(expected_exceptions=Problem)
    def character(self, user_id: str, code: str) -> dict[str, Any]:
        """Raises `NotFound` ``character_not_found``."""
        return characters.one_of(user_id, code)

    @rpc(expected_exceptions=Problem)
    def leaderboard(
        self, viewer: str | None = None, period: leaderboard.Period = "week", limit: int = 20
    ) -> dict[str, Any]:
        """``{"period", "week", "entries", "me"}``: those who chose to be seen, and the viewer's own rank."""
        return leaderboard.top(viewer, period, limit)

    @event_handler("auth", "user_registered")
    def user_registered(self, event: dict[str, Any]) -> None:
        profiles.create(event)

    @event_handler("auth", "user_deleted")
    def user_deleted(self, event: dict[str, Any]) -> None:
        erasure.erase(event, self._discard)

    @event_handler("waste", "scan_completed")
    def scan_completed(self, event: dict[str, Any]) -> None:
        activities.record(event)

    @event_handler("waste", "scan_deleted")
    def scan_deleted(self, event: dict[str, Any]) -> None:
        activities.forget(event)

    @event_handler("storage", "image.store.completed")
    def image_stored(self, event: dict[str, Any]) -> None:
        avatars.stored(event, self._discard)

    def _region(self, text: str) -> str:
        region: str = self.recycle.region(text)["id"]
        return region

    def _discard(self, key: str) -> None:
        """Each order has an id of its own: a picture that is stored again after its deletion must go again."""
        self.tasks("image.delete", {"key": key}, task_id=f"{key}.{uuid.uuid4()}.delete")
