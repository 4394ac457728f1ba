"""The AI worker."""

import logging
from typing import Any

import eventlet
from eventlet import tpool
from nameko.extensions import DependencyProvider

from services.kernel.service import EcoService
from services.kernel.settings import config_of
from services.recycle.knowledge import knowledge
from wal import PermanentError
from wal.amqp import Journal, JournalControl, RunningTask, task
from workers.ai import pipeline
from workers.ai.local.build import model_path
from workers.ai.local.photo import PhotoUnreadable
from workers.ai.local.vision import LocalVision
from workers.extensions import Objects

log = logging.getLogger(__name__)


class Seeing(DependencyProvider):
    """Gives the worker its vision. The model is checked at start and loaded with the first photo."""

    def setup(self) -> None:
        settings = config_of(self.container)
        self.idle_s = settings.ai.idle_s
        self.vision = LocalVision(
            model_path(settings.cache_dir),
            known_items=knowledge().items.keys(),
            threshold=settings.ai.threshold,
            threads=settings.ai.threads,
        )

    def start(self) -> None:
        self._resting = self.container.spawn_managed_thread(self._rest, identifier="model rest")

    def stop(self) -> None:
        self._resting.kill()

    def get_dependency(self, worker_ctx: Any) -> pipeline.Vision:
        return self.vision

    def _rest(self) -> None:
        while True:
            eventlet.sleep(self.idle_s / 4)
            self.vision.rest(self.idle_s)


class AiWorker(EcoService, JournalControl):
    """Recognises what a picture shows and finds the rules for it."""

    name = "ai"

    journal = Journal()
    objects = Objects()
    vision = Seeing()

    @task("scan.classify", timeout_s=60)
    def classify(self, task: RunningTask) -> dict[str, Any]:
        """vision -> rules -> answer for ``{"scan_id", "image_key", "language"}``; a checkpoint after each stage."""
        order = task.payload
        language: pipeline.Language = order["language"]
        seen = task.stage("vision", lambda: self._see(order["image_key"]))
        task.progress("vision")
        ruled = task.stage("rules", lambda: pipeline.rule(seen, language))
        task.progress("rules")
        text = task.stage("answer", lambda: pipeline.answer(seen, language))
        task.progress("answer")
        return pipeline.result(seen, ruled, text, language)

    def _see(self, image_key: str) -> dict[str, Any]:
        photo = self.objects.get(image_key)
        try:
            # In a native thread: the model computes for tens of milliseconds and must not stop the heartbeats.
            seen: dict[str, Any] = tpool.execute(pipeline.see, self.vision, photo)
        except PhotoUnreadable as error:
            raise PermanentError(str(error)) from error
        return seen
