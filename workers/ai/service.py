"""The AI worker."""

from collections.abc import Callable
from typing import Any, TypeVar

import eventlet
from eventlet import tpool
from nameko.extensions import DependencyProvider

from services.kernel import cache
from services.kernel.openai.within import within
from services.kernel.service import EcoService
from services.kernel.settings import config_of
from services.recycle.knowledge import knowledge
from wal import PermanentError
from wal.amqp import Journal, JournalControl, RunningTask, task
from workers.ai import pipeline
from workers.ai.local.build import model_path
from workers.ai.local.photo import PhotoUnreadable
from workers.ai.local.vision import LocalVision
from workers.ai.memory import Memory
from workers.ai.providers import remote
from workers.extensions import Objects

T = TypeVar("T")


def compute(work: Callable[[], T]) -> T:
    """In a native thread: what keeps a processor busy for tens of milliseconds must not stop the heartbeats."""
    result: T = tpool.execute(work)
    return result


class Stages(DependencyProvider):
    """Gives the worker its pipeline. The local model is checked at start and loaded with the first photo."""

    def setup(self) -> None:
        settings = config_of(self.container)
        self.idle_s = settings.ai.idle_s
        self.local = LocalVision(
            model_path(settings.cache_dir),
            known_items=knowledge().items.keys(),
            threshold=settings.ai.threshold,
            threads=settings.ai.threads,
        )
        self.redis = cache.client(settings)
        far = remote(settings, self.redis, within, compute)
        self.pipeline = pipeline.Pipeline(
            local=self.local,
            remote=far.vision if far else None,
            answers=far.answers if far else None,
            memory=Memory(self.redis, keep_s=settings.ai.remember_s),
            compute=compute,
        )

    def start(self) -> None:
        self._resting = self.container.spawn_managed_thread(self._rest, identifier="model rest")

    def stop(self) -> None:
        self._resting.kill()
        self.redis.close()

    def get_dependency(self, worker_ctx: Any) -> pipeline.Pipeline:
        return self.pipeline

    def _rest(self) -> None:
        while True:
            eventlet.sleep(self.idle_s / 4)
            self.local.rest(self.idle_s)


class AiWorker(EcoService, JournalControl):
    """Recognises what a picture shows and finds the rules for it."""

    name = "ai"

    journal = Journal()
    objects = Objects()
    stages = Stages()

    @task("scan.classify", timeout_s=60)
    def classify(self, task: RunningTask) -> dict[str, Any]:
        """vision -> rules -> answer for ``{"scan_id", "image_key", "language"}``, optionally with a ``region``.

        A checkpoint after each stage: what was paid for is not asked again.
        """
        order = task.payload
        language: pipeline.Language = order["language"]
        region = order.get("region")
        seen = task.stage("vision", lambda: self._see(order["image_key"]))
        task.progress("vision")
        ruled = task.stage("rules", lambda: pipeline.rule(seen, language, region))
        task.progress("rules")
        told = task.stage("answer", lambda: self.stages.answer(seen, language, region))
        task.progress("answer")
        return pipeline.result(seen, ruled, told, language)

    def _see(self, image_key: str) -> dict[str, Any]:
        photo = self.objects.get(image_key)
        try:
            seen: dict[str, Any] = self.stages.see(photo)
        except PhotoUnreadable as error:
            raise PermanentError(str(error)) from error
        return seen
