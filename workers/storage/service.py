"""The storage worker."""

from typing import Any

from services.kernel.config import config
from services.kernel.darkroom import Photos
from services.kernel.service import EcoService
from wal import PermanentError
from wal.amqp import Journal, JournalControl, RunningTask, task
from workers.extensions import Objects
from workers.storage.images import image_key, may_be_deleted
from workers.storage.importing import cache_control, order_of, store_upload

PHOTO_WAIT_S = 60.0
"""How long an import waits for its turn to decode, of the 90 seconds that it has; then it is tried again later."""


class StorageWorker(EcoService, JournalControl):
    """Puts pictures into the object store, for the CDN to serve, and takes them out again."""

    name = "storage"

    journal = Journal()
    objects = Objects()
    photos = Photos(PHOTO_WAIT_S)

    @task("image.store", timeout_s=90)
    def store(self, task: RunningTask) -> dict[str, Any]:
        """Store the task's body. Returns ``{"key", "bytes", "content_type"}``."""
        try:
            key = image_key(task.task_id, task.body, task.content_type)
        except ValueError as error:
            raise PermanentError(str(error)) from error
        self.objects.put(key, task.body, content_type=task.content_type, cache_control=cache_control(config().images))
        return {"key": key, "bytes": len(task.body), "content_type": task.content_type}

    @task("image.import", timeout_s=90)
    def import_upload(self, task: RunningTask) -> dict[str, Any]:
        """Make a picture of the upload ``{"key", "content_type"}``; see `store_upload` for what it returns.

        The upload is deleted when its picture is safe: a task that is run again reads the first stage back.
        """
        order = order_of(task.payload)
        stored: dict[str, Any] = task.stage(
            "stored", lambda: store_upload(task.task_id, order, self.objects, config().images, self.photos)
        )
        self.objects.delete(order.key)
        return stored

    @task("image.delete", timeout_s=60)
    def delete(self, task: RunningTask) -> dict[str, Any]:
        """Delete the picture ``{"key"}``, if it is there. Raises `PermanentError` for what is no picture of ours."""
        key = task.payload.get("key") if isinstance(task.payload, dict) else None
        if not may_be_deleted(key):
            raise PermanentError("the key is none that we give to pictures")
        self.objects.delete(key)
        return {"key": key}
