"""The storage worker."""

from typing import Any

from services.kernel.config import config
from services.kernel.service import EcoService
from wal import PermanentError
from wal.amqp import Journal, JournalControl, RunningTask, task
from workers.extensions import Objects
from workers.storage.images import image_key


class StorageWorker(EcoService, JournalControl):
    """Puts pictures into the object store, for the CDN to serve."""

    name = "storage"

    journal = Journal()
    objects = Objects()

    @task("image.store", timeout_s=90)
    def store(self, task: RunningTask) -> dict[str, Any]:
        """Store the task's body. Returns ``{"key", "bytes", "content_type"}``."""
        try:
            key = image_key(task.body, task.content_type)
        except ValueError as error:
            raise PermanentError(str(error)) from error
        max_age = config().images.cache_max_age_s
        self.objects.put(
            key,
            task.body,
            content_type=task.content_type,
            cache_control=f"public, max-age={max_age}, immutable",
        )
        return {"key": key, "bytes": len(task.body), "content_type": task.content_type}
