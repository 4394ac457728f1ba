"""``@task("image.store")``: a Nameko entrypoint whose work is journalled.

    message -> pending (durable) -> processing -> the method -> completed or failed -> event -> ack

A known task is not run again: a finished one tells its result once more, a running one is joined. A
failing one goes back through a delay queue until its attempts are used up, then to the dead letters.
"""

import functools
import logging
import random
from collections.abc import Callable
from typing import Any

import eventlet
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint, ProviderCollector, SharedExtension
from nameko.messaging import HeaderDecoder, QueueConsumer

from wal.amqp.insist import insist
from wal.amqp.publisher import TaskPublisher
from wal.amqp.running import RunningTask
from wal.amqp.settings import settings_of
from wal.amqp.shared import SharedJournal
from wal.errors import IllegalTransition, PermanentError, TaskTimeout
from wal.metrics import DEAD, DEDUPLICATED, IN_FLIGHT
from wal.records import Json, TaskRecord, Work
from wal.states import State

log = logging.getLogger(__name__)


class RawQueueConsumer(QueueConsumer):
    """Hands messages over undecoded: kombu acknowledges and drops what it cannot decode."""

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        for provider in self._providers:
            consumer = consumer_cls(
                queues=[provider.queue], on_message=functools.partial(self.handle_message, provider, None)
            )
            consumer.qos(prefetch_count=self.prefetch_count)
            self._consumers[provider] = consumer
        return self._consumers.values()


class TaskConsumer(SharedExtension, ProviderCollector):
    """Consumes the worker's queue and gives each task to the entrypoint of its type."""

    queue_consumer = RawQueueConsumer()
    shared = SharedJournal()

    def __init__(self) -> None:
        super().__init__()
        self._running: dict[str, list[Any]] = {}
        self._leaving: set[Any] = set()
        self._left = eventlet.event.Event()

    # Nameko's life cycle

    def setup(self) -> None:
        settings = settings_of(self.container)
        self.journal = self.shared.journal
        self.worker = self.container.service_name
        self.queue = settings.topology.work_queue(self.worker)
        self.publisher = TaskPublisher(self.container.config["AMQP_URI"], settings.topology)
        self.settings = settings
        self.queue_consumer.register_provider(self)

    def start(self) -> None:
        self.container.spawn_managed_thread(self._resume, identifier="journal recovery")

    def unregister_provider(self, provider: Any) -> None:
        """The last entrypoint to leave stops the consumption; all wait for that."""
        self._leaving.add(provider)
        if self._leaving >= self._providers and not self._left.ready():
            self.queue_consumer.unregister_provider(self)
            self._left.send(True)
        self._left.wait()
        super().unregister_provider(provider)

    # In

    def handle_message(self, _body: None, message: Any) -> None:
        """A message has come: journal it, then run, join or answer it. Raising here stops the worker."""
        properties = message.properties
        work = Work(
            task_id=properties.get("message_id") or "",
            task_type=properties.get("type") or message.delivery_info["routing_key"],
            payload=bytes(message.body) if not isinstance(message.body, str) else message.body.encode(),
            content_type=message.content_type or "application/octet-stream",
            headers=_plain(message.headers or {}),
        )
        if not work.task_id or self._provider(work.task_type) is None:
            self._refuse(work, message)
            return
        if work.task_id in self._running:
            DEDUPLICATED.labels(work.task_type).inc()
            self._running[work.task_id].append(message)
            return
        self._running[work.task_id] = [message]
        admission = insist(
            lambda: self.journal.log_task_start(
                work.task_id, work.task_type, work.payload, content_type=work.content_type, headers=work.headers
            )
        )
        if admission.task.state.finished:
            DEDUPLICATED.labels(work.task_type).inc()
            self._tell(work, admission.task)
            self._settle(work.task_id)
        else:
            self._spawn(work)

    def _resume(self) -> None:
        """What the last process left: outcomes that nobody may have heard, and unfinished tasks, oldest first."""
        # Messages come back meanwhile. Who enters the id in `_running` first has the task, the other joins or leaves.
        for task_id in self.shared.unannounced:
            if task_id in self._running:
                continue
            self._running[task_id] = []
            task = self.journal.task(task_id)
            if not task.announced:
                failed = task.state is State.FAILED  # of a completed task the payload is gone, and not needed
                self._tell(self.journal.work(task_id) if failed else Work(task_id, task.task_type, b"", ""), task)
            self._settle(task_id)
        for task_id in self.shared.unfinished:
            self.take_up(task_id)

    def take_up(self, task_id: str) -> None:
        """Run a pending task of the journal, unless its message came meanwhile and has it run."""
        if task_id in self._running:
            return
        self._running[task_id] = []  # before anything that yields: from here on its message joins
        if self.journal.task(task_id).state is not State.PENDING:
            self._settle(task_id)
            return
        work = self.journal.work(task_id)
        if self._provider(work.task_type) is None:
            self._fail(work, PermanentError(f"this worker knows no task type {work.task_type}"))
            self._settle(task_id)
        else:
            self._spawn(work)

    def cancel(self, task_id: str) -> None:
        """Fail a task that waits. Raises `IllegalTransition` for one that runs or has ended."""
        if task_id in self._running:
            raise IllegalTransition(f"{task_id}: it runs already, or is about to")
        self.journal.cancel(task_id)
        self._tell(self.journal.work(task_id), self.journal.task(task_id))

    def _provider(self, task_type: str) -> "Task | None":
        return next((provider for provider in self._providers if provider.task_type == task_type), None)

    def _spawn(self, work: Work) -> None:
        provider = self._provider(work.task_type)
        assert provider is not None
        IN_FLIGHT.set(len(self._running))
        running = RunningTask(work, self.journal, self._announce)
        try:
            self.container.spawn_worker(
                provider,
                (running,),
                {},
                context_data=provider.context(work),
                handle_result=functools.partial(self._finish, work, running),
            )
        except ContainerBeingKilled:
            for message in self._running.pop(work.task_id, []):
                self.queue_consumer.requeue_message(message)

    # Out

    def _finish(self, work: Work, running: RunningTask, _ctx: Any, result: Json, exc_info: Any) -> tuple[Any, Any]:
        if running.attempt == 0:
            self._not_begun(work, exc_info[1])
        else:
            exc_info = exc_info or self._complete(work, result)
            if exc_info is not None:
                self._retry_or_fail(work, exc_info[1], running.attempt)
        self._settle(work.task_id)
        return result, exc_info

    def _not_begun(self, work: Work, error: BaseException) -> None:
        """The journal did not let it begin, because it is not pending: what the journal says stands."""
        log.warning("%s was not begun: %s", work.task_id, error)
        task = self.journal.task(work.task_id)
        if task.state.finished:
            self._tell(work, task)

    def _complete(self, work: Work, result: Json) -> Any:
        """Journal the result and tell it; returns the error if it cannot be kept, at this attempt as at any other."""
        try:
            insist(lambda: self.journal.log_task_complete(work.task_id, result))
        except (TypeError, ValueError, RecursionError) as unfit:
            return PermanentError, PermanentError(f"the result cannot be kept: {unfit}"), unfit.__traceback__
        self._tell(work, self.journal.task(work.task_id))
        return None

    def _retry_or_fail(self, work: Work, error: BaseException, attempt: int) -> None:
        if isinstance(error, PermanentError) or attempt >= self.settings.max_attempts:
            self._fail(work, error)
        else:
            insist(lambda: self.journal.log_task_retry(work.task_id, error))
            insist(lambda: self.publisher.delay(work, self.worker, self._pause(attempt)))

    def _fail(self, work: Work, error: BaseException) -> None:
        insist(lambda: self.journal.log_task_failure(work.task_id, error))
        DEAD.labels(f"tasks.{self.worker}", type(error).__name__).inc()
        self._tell(work, self.journal.task(work.task_id))

    def _pause(self, attempt: int) -> float:
        longest = min(self.settings.retry_base_s * 2 ** (attempt - 1), self.settings.retry_max_s)
        return random.uniform(longest / 2, longest)

    def _tell(self, work: Work, task: TaskRecord) -> None:
        """Dispatch the outcome, at least once; a failure is buried too, the first time."""
        data = {"task_id": task.task_id, "attempt": task.attempt, "result": task.result}
        if task.state is State.FAILED:
            data |= {"error_class": task.error_class, "error": task.error}
            if not task.announced:
                insist(lambda: self.publisher.bury(work, self.worker, f"{task.error_class}: {task.error}"))
        event = f"{task.task_type}.{task.state}"
        insist(lambda: self._announce(work, event, data))
        if not task.announced:
            self.journal.mark_announced(task.task_id, task.version)

    def _announce(self, work: Work, event: str, data: Json) -> None:
        self.publisher.announce(self.worker, event, data, work.headers)

    def _settle(self, task_id: str) -> None:
        for message in self._running.pop(task_id, []):
            self.queue_consumer.ack_message(message)
        IN_FLIGHT.set(len(self._running))

    def _refuse(self, work: Work, message: Any) -> None:
        reason = "unknown task type" if work.task_id else "no task id"
        log.error("%s: %s", reason, work.task_type)
        DEAD.labels(f"tasks.{self.worker}", reason).inc()
        insist(lambda: self.publisher.bury(work, self.worker, reason))
        self.queue_consumer.ack_message(message)


class Task(Entrypoint, HeaderDecoder):
    """The entrypoint of one type of task."""

    consumer = TaskConsumer()

    def __init__(self, task_type: str, **options: Any) -> None:
        super().__init__(**options)
        self.task_type = task_type

    def setup(self) -> None:
        self.consumer.register_provider(self)

    def stop(self) -> None:
        self.consumer.unregister_provider(self)

    def context(self, work: Work) -> dict[str, Json]:
        """The caller's context (call stack, trace) from the message's headers."""
        return {self._strip_header_name(name): value for name, value in work.headers.items()}


def task(task_type: str, *, timeout_s: float = 60.0) -> Callable[[Callable[..., Json]], Callable[..., Json]]:
    """Makes a method the runner of a type of task: ``method(self, task: RunningTask) -> JSON``.

    What it returns is journalled as the result. `wal.PermanentError` fails the task at once; any other
    exception, and running longer than `timeout_s` seconds, is tried again.
    """

    def decorate(method: Callable[..., Json]) -> Callable[..., Json]:
        @functools.wraps(method)
        def run(service: Any, running: RunningTask) -> Json:
            running.begin()
            try:
                with eventlet.Timeout(timeout_s, TaskTimeout(f"ran longer than {timeout_s:g} s")):
                    return method(service, running)
            except eventlet.Timeout as expired:
                raise TaskTimeout(str(expired)) from expired

        entrypoint: Callable[..., Json] = Task.decorator(task_type)(run)
        return entrypoint

    return decorate


def _plain(headers: dict[str, Any]) -> dict[str, Json]:
    """What of a message's headers is ours to keep: not the broker's own notes on its way here."""
    return {name: value for name, value in headers.items() if not name.startswith("x-") and name != "reason"}
