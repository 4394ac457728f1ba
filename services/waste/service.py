"""The waste service: scans, and what becomes of them."""

import logging
import uuid
from dataclasses import asdict
from typing import Any

from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError
from nameko.events import EventDispatcher
from nameko.rpc import rpc
from nameko.timer import timer

from services.kernel.cache import Cache
from services.kernel.config import config
from services.kernel.database import Database
from services.kernel.errors import Problem
from services.kernel.events import event_handler
from services.kernel.objects import CALLER, Objects
from services.kernel.rpc import Remote
from services.kernel.service import EcoService
from services.waste import deletion, feedback, history, opening, overdue, progress, scans, tables, uploads, views
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
    objects = Objects(CALLER)

    @rpc(expected_exceptions=Problem)
    def upload_open(
        self, owner: str | None, scope: str, content_type: uploads.ContentType, bytes: int
    ) -> dict[str, Any]:
        """Where a photo can be put, and for how long: see `services.waste.uploads.open_upload`."""
        return uploads.open_upload(owner, scope, content_type, bytes, self.objects, config())

    @rpc(expected_exceptions=Problem)
    def upload_complete(self, upload_id: str, viewer: str | None = None) -> dict[str, Any]:
        """Check what was put: see `services.waste.uploads.complete`."""
        return uploads.complete(upload_id, viewer, self.objects, config().uploads.keep_s)

    @rpc(expected_exceptions=Problem)
    def open_scan(self, request: dict[str, Any]) -> dict[str, Any]:
        """A scan for a photo or an upload: see `services.waste.opening.NewScan` for `request`."""
        opened = opening.open_scan(request, self._import_now_or_later)
        if opened.created:
            self._tell_stage(opened.scan_id, "queued")
        return asdict(opened)

    @rpc(expected_exceptions=Problem)
    def scan(self, scan_id: str, viewer: str | None = None) -> dict[str, Any]:
        """The scan as its owner sees it."""
        return views.as_dict(scans.find(scan_id, viewer), str(config().cdn_url))

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
        """Only the owner may. Dispatches ``scan_deleted``: `services.waste.deletion`."""
        deletion.delete(scan_id, viewer, self._told)

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
        """The picture of a scan is kept. (So are users' pictures, which are none of ours.)"""
        if of_scan(event, "store"):
            self._stored(scan_of(event), scans.Picture(event["result"]["key"]))

    @event_handler("storage", "image.import.completed")
    def image_imported(self, event: dict[str, Any]) -> None:
        """An upload has become a picture, or it was none."""
        scan_id, result = scan_of(event), event["result"]
        if "refused" in result:
            self._fail(scan_id, result["refused"]["code"], result["refused"]["detail"], ("queued",))
        else:
            self._stored(scan_id, scans.Picture(*(result[part] for part in ("key", "bytes", "width", "height"))))

    @event_handler("ai", "scan.classify.progress")
    def stage_done(self, event: dict[str, Any]) -> None:
        scan_id, stage = scan_of(event), event["stage"]
        if scans.mark_progress(scan_id, stage):
            self._tell_stage(scan_id, stage)

    @event_handler("ai", "scan.classify.completed")
    def scan_completed(self, event: dict[str, Any]) -> None:
        """The answer is here: keep it, tell the client, tell the other domains."""
        scan_id = scan_of(event)
        scan = scans.complete(scan_id, event["result"])
        if scan is not None:
            self._tell_end(scan_id, "completed")
            self.announce("scan_completed", views.announcement(scan))

    @event_handler("storage", "image.store.failed")
    def image_not_stored(self, event: dict[str, Any]) -> None:
        if of_scan(event, "store"):
            self._fail(scan_of(event), "storage_failed", "The picture could not be stored. Send it again.")

    @event_handler("storage", "image.import.failed")
    def image_not_imported(self, event: dict[str, Any]) -> None:
        self._fail(scan_of(event), "storage_failed", "The picture could not be stored. Send it again.")

    @event_handler("ai", "scan.classify.failed")
    def scan_not_classified(self, event: dict[str, Any]) -> None:
        self._fail(scan_of(event), "recognition_failed", "The picture could not be recognised. Send it again.")

    @event_handler("auth", "user_deleted")
    def user_deleted(self, event: dict[str, Any]) -> None:
        """Nothing of the user's stays here: `services.waste.deletion.erase`."""
        deletion.erase(event["user_id"], self._told)

    @timer(interval=300)
    def erase_again(self) -> None:
        """What was under way when its user went is erased too."""
        deletion.erase_again(self._told)

    @timer(interval=60)
    def forget_uploads(self) -> None:
        """Uploads that no scan uses expire, and all are forgotten in the end, with their objects."""
        uploads.expire(self._drop_picture)
        uploads.forget(config().uploads.forget_s, self._drop_picture)

    @timer(interval=5)
    def requeue_overdue(self) -> None:
        """What a worker has not finished at half the deadline is queued once more."""
        for scan_id in overdue.requeue(config().scans.deadline_s, self._queue_again):
            log.warning("scan %s is late and was queued again", scan_id)

    @timer(interval=5)
    def fail_overdue(self) -> None:
        """Nobody waits for ever: scans that no worker finished in time fail, with a reason."""
        for scan_id in overdue.fail(config().scans.deadline_s):
            self._tell_end(scan_id, "failed")

    @timer(interval=3600)
    def forget_keys(self) -> None:
        scans.forget_keys()

    @property
    def _told(self) -> deletion.Told:
        return deletion.Told(
            deleted=lambda gone: self.announce("scan_deleted", gone),
            picture=self._drop_picture,
            progress=lambda scan_id: progress.forget(self.cache, scan_id),
        )

    def _stored(self, scan_id: str, picture: scans.Picture) -> None:
        """A picture is in the store: ask the AI worker what it shows."""
        scan = scans.mark_stored(scan_id, picture)
        if scan is not None:
            self._classify(scan)
            self._tell_stage(scan_id, "stored")
        else:
            deletion.picture_came_late(scan_id, picture.key, self._told)

    def _classify(self, scan: tables.Scan) -> None:
        self.tasks("scan.classify", scans.classification(scan), task_id=f"{scan.id}.classify")

    def _import(self, scan_id: uuid.UUID, upload: tables.Upload) -> None:
        self.tasks("image.import", uploads.import_order(upload), task_id=f"{scan_id}.import")

    def _import_now_or_later(self, scan_id: uuid.UUID, upload: tables.Upload) -> None:
        """While the broker is away the scan itself keeps what is to be done: `requeue_overdue` does it."""
        try:
            self._import(scan_id, upload)
        except (OperationalError, AMQPError, OSError) as error:
            log.warning("the upload of scan %s is imported later: %s", scan_id, error)

    def _queue_again(self, scan: tables.Scan) -> None:
        if scan.state == "stored":
            self._classify(scan)
        elif upload := uploads.of_scan(scan.id):
            self._import(scan.id, upload)

    def _drop_picture(self, key: str) -> None:
        """Each order has an id of its own: an object may come back after it was deleted, and must go again."""
        self.tasks("image.delete", {"key": key}, task_id=f"{key}.{uuid.uuid4()}.delete")

    def _tell_feedback(self, said: dict[str, Any]) -> None:
        self.announce("scan_feedback", said)

    def _fail(self, scan_id: str, code: str, detail: str, states: tuple[str, ...] = ("queued", "stored")) -> None:
        if scans.fail(scan_id, code, detail, states):
            self._tell_end(scan_id, "failed")

    def _tell_stage(self, scan_id: str, stage: str) -> None:
        progress.tell_stage(self.cache, config().scans.progress_ttl_s, scan_id, stage)

    def _tell_end(self, scan_id: str, event: str) -> None:
        progress.tell_end(self.cache, config().scans.progress_ttl_s, scan_id, event)


def of_scan(event: dict[str, Any], what: str) -> bool:
    """Whether a worker's event is about a scan: other domains give tasks to the same worker."""
    return bool(event["task_id"].endswith(f".{what}"))


def scan_of(event: dict[str, Any]) -> str:
    """The scan that a worker's event is about: a task's id is ``<scan id>.<what>``."""
    scan_id: str = event["task_id"].partition(".")[0]
    return scan_id
