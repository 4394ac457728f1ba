"""The waste service: scans, and what becomes of them."""

import logging
from dataclasses import asdict
from typing import Any

from nameko.events import EventDispatcher
from nameko.rpc import rpc
from nameko.timer import timer

from services.kernel.cache import Cache
from services.kernel.config import config
from services.kernel.database import Database
from services.kernel.errors import Problem
from services.kernel.events import event_handler
from services.kernel.rpc import Remote
from services.kernel.service import EcoService
from services.waste import feedback, history, overdue, progress, scans, tables
from wal.amqp import TaskQueue

log = logging.getLogger(__name__)


class WasteService(EcoService):
    """Scans: from a photo to disposal advice. Owns the schema ``waste``."""

    name = "waste"

    database = Database(tables.ALL)
    cache = Cache()
    tasks = TaskQueue()
    announce = EventDispatcher()
    recycle = Remote("recycle")

    @rpc(expected_exceptions=Problem)
    def open_scan(self, request: dict[str, Any]) -> dict[str, Any]:
        """A scan for a checked photo: see `services.waste.scans.NewScan` for `request`."""
        opened = scans.open_scan(request)
        if opened.created:
            self._tell_stage(opened.scan_id, "queued")
        return asdict(opened)

    @rpc(expected_exceptions=Problem)
    def scan(self, scan_id: str, viewer: str | None = None) -> dict[str, Any]:
        """The scan as its owner sees it."""
        return scans.as_dict(scans.find(scan_id, viewer), str(config().cdn_url))

    @rpc(expected_exceptions=Problem)
    def scans_of(
        self,
        owner: str,
        limit: int = 20,
        cursor: str | None = None,
        major: str | None = None,
        item_id: str | None = None,
    ) -> dict[str, Any]:
        """``{"scans", "next"}``, the latest first; pass `next` as `cursor` for the following page."""
        return history.scans_of(owner, str(config().cdn_url), limit, cursor, major, item_id)

    @rpc(expected_exceptions=Problem)
    def delete_scan(self, scan_id: str, viewer: str | None = None) -> None:
        """Only the owner may. Dispatches ``scan_deleted``: `services.waste.history`."""
        history.delete(scan_id, viewer, self._tell_deletion)
        progress.forget(self.cache, scan_id.lower())

    @rpc(expected_exceptions=Problem)
    def feedback(
        self,
        scan_id: str,
        viewer: str | None,
        verdict: feedback.Verdict,
        item_id: str | None = None,
        comment: str | None = None,
    ) -> dict[str, Any]:
        """Whether the answer is right: see `services.waste.feedback.give`. Dispatches ``scan_feedback``."""
        return feedback.give(scan_id, viewer, verdict, item_id, comment, self.recycle.item, self._tell_feedback)

    @event_handler("storage", "image.store.completed")
    def image_stored(self, event: dict[str, Any]) -> None:
        """The picture is kept: ask the AI worker what it shows."""
        scan_id, key = scan_of(event), event["result"]["key"]
        scan = scans.mark_stored(scan_id, key)
        if scan is not None:
            self._classify(scan)
            self._tell_stage(scan_id, "stored")
        else:
            history.picture_came_late(scan_id, key, self._tell_deletion)

    @event_handler("ai", "scan.classify.progress")
    def stage_done(self, event: dict[str, Any]) -> None:
        scan_id, stage = scan_of(event), event["stage"]
        scans.mark_progress(scan_id, stage)
        self._tell_stage(scan_id, stage)

    @event_handler("ai", "scan.classify.completed")
    def scan_completed(self, event: dict[str, Any]) -> None:
        """The answer is here: keep it, tell the client, tell the other domains."""
        scan_id = scan_of(event)
        scan = scans.complete(scan_id, event["result"])
        if scan is not None:
            self._tell_end(scan_id, "completed")
            self.announce("scan_completed", scans.announcement(scan))

    @event_handler("storage", "image.store.failed")
    def image_not_stored(self, event: dict[str, Any]) -> None:
        self._fail(scan_of(event), "storage_failed", "The picture could not be stored. Send it again.")

    @event_handler("ai", "scan.classify.failed")
    def scan_not_classified(self, event: dict[str, Any]) -> None:
        self._fail(scan_of(event), "recognition_failed", "The picture could not be recognised. Send it again.")

    @timer(interval=5)
    def requeue_overdue(self) -> None:
        """What the AI worker has not finished at half the deadline is queued once more."""
        for scan_id in overdue.requeue(config().scans.deadline_s, self._classify):
            log.warning("scan %s is late and was queued again", scan_id)

    @timer(interval=5)
    def fail_overdue(self) -> None:
        """Nobody waits for ever: scans that no worker finished in time fail, with a reason."""
        for scan_id in overdue.fail(config().scans.deadline_s):
            self._tell_end(scan_id, "failed")

    @timer(interval=3600)
    def forget_keys(self) -> None:
        scans.forget_keys()

    def _classify(self, scan: tables.Scan) -> None:
        self.tasks("scan.classify", scans.classification(scan), task_id=f"{scan.id}.classify")

    def _tell_deletion(self, deletion: dict[str, Any]) -> None:
        self.announce("scan_deleted", deletion)

    def _tell_feedback(self, said: dict[str, Any]) -> None:
        self.announce("scan_feedback", said)

    def _fail(self, scan_id: str, code: str, detail: str) -> None:
        scans.fail(scan_id, code, detail)
        self._tell_end(scan_id, "failed")

    def _tell_stage(self, scan_id: str, stage: str) -> None:
        progress.tell_stage(self.cache, config().scans.progress_ttl_s, scan_id, stage)

    def _tell_end(self, scan_id: str, event: str) -> None:
        progress.tell_end(self.cache, config().scans.progress_ttl_s, scan_id, event)


def scan_of(event: dict[str, Any]) -> str:
    """The scan that a worker's event is about: a task's id is ``<scan id>.<what>``."""
    scan_id: str = event["task_id"].partition(".")[0]
    return scan_id
