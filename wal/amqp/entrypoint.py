"""``@task("image.store")``: a Nameko entrypoint whose work is journalled.

    message -> processing (durable) -> the method -> completed or failed (durable) -> event -> ack

A known task is not run again: a finished one tells its result once more, a running one is joined. A
failing one goes back through a delay queue until its attempts are used up, then to the dead letters.
"""

import functools
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import eventlet
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint, ProviderCollector, SharedExtension
from nameko.messaging import HeaderDecoder

from wal.amqp.consuming import RawQueueConsumer
from wal.amqp.insist import FIRST_PAUSE_S, LONGEST_PAUSE_S, insist
from wal.amqp.publisher import TaskPublisher
from wal.amqp.running import RunningTask
from wal.amqp.settings import settings_of
from wal.amqp.shared import SharedJournal
from wal.amqp.timing import expect, ran, sent_at
from wal.errors import IllegalTransition, JournalError, JournalUnavailable, PermanentError, UnknownTask
from wal.journal import describe
from wal.metrics import CONSUMING, DEAD, DEDUPLICATED, IN_FLIGHT
from wal.records import Json, TaskRecord, Work
from wal.states import State

log = logging.getLogger(__name__)

PAGE = 20  # recovered tasks whose payloads are read together


@dataclass(slots=True)
class Claim:
    """This worker has the task in hand. `messages` are to be acknowledged when it is done with it."""

    messages: list[Any] = field(default_factory=list)
    running: RunningTask | None = None
    sent_at: float | None = None
    pause_s: float = 0.0
    """How long it last waited for a disk that refused."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is told of a finished task."""

    state: State
    attempt: int
    version: int
    result: Json = None
    error_class: str | None = None
    error: str | None = None
    again: bool = False
    """It was told before, so a failure is in the dead letters already."""

    @classmethod
    def of(cls, task: TaskRecord) -> "Outcome":
        return cls(task.state, task.attempt, task.version, task.result, task.error_class, task.error, task.announced)


class TaskConsumer(SharedExtension, ProviderCollector):
    """Consumes the worker's queue and gives each task to the entrypoint of its type."""

    queue_consumer = RawQueueConsumer()
    shared = SharedJournal()

    def __init__(self) -> None:
        super().__init__()
        self._claims: dict[str, Claim] = {}
        self._types: dict[str, Task] = {}
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
        IN_FLIGHT.set_function(lambda: len(self._claims))
        CONSUMING.set_function(self._consumes)

    def _consumes(self) -> bool:
        return self.queue_consumer.listens and not self._leaving and self.journal.trouble is None

    def start(self) -> None:
        self.container.spawn_managed_thread(self._resume, identifier="journal recovery")
        self.container.spawn_managed_thread(self._beat, identifier="journal heartbeat")

    def stop(self) -> None:
        self.publisher.close()
        super().stop()

    def register_provider(self, provider: Any) -> None:
        self._types[provider.task_type] = provider
        expect(provider.task_type)
        super().register_provider(provider)

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
        """A message has come: run it, or join who runs it already. Raising here stops the worker."""
        properties = message.properties
        work = Work(
            task_id=properties.get("message_id") or "",
            task_type=properties.get("type") or message.delivery_info["routing_key"],
            payload=bytes(message.body) if not isinstance(message.body, str) else message.body.encode(),
            content_type=message.content_type or "application/octet-stream",
            headers=_plain(message.headers or {}),
        )
        if not work.task_id or work.task_type not in self._types:
            self._refuse(work, message)
            return
        if work.task_id in self._claims:
            DEDUPLICATED.labels(work.task_type).inc()
            self._claims[work.task_id].messages.append(message)
            return
        self._claims[work.task_id] = Claim([message], sent_at=sent_at(message.headers or {}))
        self._spawn(work)

    def _resume(self) -> None:
        """What the last process left: outcomes that nobody may have heard, and unfinished tasks, oldest first."""
        # Messages come back meanwhile. Who enters the id in `_claims` first has the task, the other joins or leaves.
        for task_id in self.shared.unannounced:
            if self._claim(task_id):
                with suppress(UnknownTask):  # pruned meanwhile
                    task = insist(functools.partial(self.journal.task, task_id))
                    if not task.announced:
                        self._tell(self._work_of(task), Outcome.of(task))
                self._settle(task_id)
        for task_ids in _pages(self.shared.unfinished):
            # Read before they are claimed: what has changed since, the journal refuses to begin.
            for work in insist(functools.partial(self.journal.works, task_ids)):
                if self._leaving:
                    return
                if self._claim(work.task_id):
                    self._run(work)

    def take_up(self, task_id: str) -> None:
        """Run a pending task of the journal, unless its message came meanwhile and has it run."""
        work = self.journal.work(task_id)
        if self._claim(task_id):
            self._run(work)

    def cancel(self, task_id: str) -> str:
        """Fail a task that waits, interrupt one that runs; says which. Raises `JournalError` where neither can be."""
        claim = self._claims.get(task_id)
        if claim is not None:
            if claim.running is None or not claim.running.cancel():
                raise IllegalTransition(f"{task_id}: it is about to begin or to end")
            return "is interrupted"
        self._claim(task_id)
        try:
            self.journal.cancel(task_id)
        except BaseException:
            self._give_back(task_id)
            raise
        task = self.journal.task(task_id)
        self._tell(self.journal.work(task_id), Outcome.of(task))
        self._settle(task_id)
        return "is cancelled"

    def _claim(self, task_id: str) -> bool:
        """Before anything that yields: from here on its message joins."""
        if task_id in self._claims:
            return False
        self._claims[task_id] = Claim()
        return True

    def _beat(self) -> None:
        while True:
            eventlet.sleep(self.settings.heartbeat_s)
            for task_id, claim in list(self._claims.items()):
                if claim.running is not None and claim.running.interruptible:
                    with suppress(IllegalTransition, JournalUnavailable):  # it has ended meanwhile
                        self.journal.heartbeat(task_id)

    def _work_of(self, task: TaskRecord) -> Work:
        """What a finished task was given; of a completed one that is gone, and not needed."""
        if task.state is State.COMPLETED:
            return Work(task.task_id, task.task_type, b"", "")
        return self.journal.work(task.task_id)

    def _run(self, work: Work) -> None:
        if work.task_type not in self._types:
            self._fail(work, PermanentError(f"this worker knows no task type {work.task_type}"), work.attempt)
            self._settle(work.task_id)
        else:
            self._spawn(work)

    def _spawn(self, work: Work) -> None:
        if self._leaving:  # RabbitMQ has it, or the journal: it runs at the next start
            self._give_back(work.task_id)
            return
        provider = self._types[work.task_type]
        claim = self._claims[work.task_id]
        running = claim.running = RunningTask(work, self.journal, self._announce, sent_at=claim.sent_at)
        try:
            self.container.spawn_worker(
                provider,
                (running,),
                {},
                context_data=provider.context(work),
                handle_result=functools.partial(self._finish, work, running),
            )
        except ContainerBeingKilled:
            self._give_back(work.task_id)

    # Out

    def _finish(self, work: Work, running: RunningTask, _ctx: Any, result: Json, exc_info: Any) -> tuple[Any, Any]:
        if running.refusal is not None:
            self._try_again(work, running.refusal)
            return result, exc_info
        if running.outcome is not None:
            DEDUPLICATED.labels(work.task_type).inc()
            self._tell(work, Outcome.of(running.outcome))
        elif running.attempt == 0:
            self._not_begun(work, exc_info[1])
        else:
            seconds = running.seconds
            exc_info = exc_info or self._complete(work, result, running.attempt, seconds)
            if exc_info is not None and self._goes_on(exc_info[1], running.attempt):
                self._postpone(work, exc_info[1], running.attempt, seconds)
                return result, exc_info
            if exc_info is not None:
                self._fail(work, exc_info[1], running.attempt, seconds)
        self._settle(work.task_id)
        return result, exc_info

    def _try_again(self, work: Work, refusal: JournalUnavailable) -> None:
        """Wait for the disk, without the place of a worker, which /ready needs to say what is wrong."""
        claim = self._claims[work.task_id]
        claim.pause_s = min(claim.pause_s * 2 or FIRST_PAUSE_S, LONGEST_PAUSE_S)
        log.warning("beginning %s again in %.1f s: %s", work.task_id, claim.pause_s, refusal)

        def later() -> None:
            eventlet.sleep(claim.pause_s)
            self._spawn(work)

        self.container.spawn_managed_thread(later, identifier="waiting for the disk")

    def _not_begun(self, work: Work, error: BaseException) -> None:
        if isinstance(error, IllegalTransition):
            log.warning("%s was not begun: %s", work.task_id, error)  # what the journal says stands
        elif isinstance(error, JournalError):
            raise error  # nothing of it is on the disk: the worker ends, and RabbitMQ keeps the message
        else:
            self._bury(work, f"cannot be journalled: {type(error).__name__}: {error}")

    def _complete(self, work: Work, result: Json, attempt: int, seconds: float) -> Any:
        """Journal the result and tell it; returns the error if it cannot be kept, at this attempt as at any other."""
        try:
            version = insist(lambda: self.journal.log_task_complete(work.task_id, result))
        except (TypeError, ValueError, RecursionError) as unfit:
            return PermanentError, PermanentError(f"the result cannot be kept: {unfit}"), unfit.__traceback__
        ran(work.task_type, "completed", seconds)
        self._tell(work, Outcome(State.COMPLETED, attempt, version, result))
        return None

    def _goes_on(self, error: BaseException, attempt: int) -> bool:
        return not isinstance(error, PermanentError) and attempt < self.settings.max_attempts

    def _postpone(self, work: Work, error: BaseException, attempt: int, seconds: float) -> None:
        insist(lambda: self.journal.log_task_retry(work.task_id, error))
        ran(work.task_type, "retried", seconds)
        claim = self._claims.pop(work.task_id)  # now: the copy may come back before it is confirmed
        insist(lambda: self.publisher.delay(work, self.worker, self._pause(attempt)))
        self._acknowledge(claim)

    def _fail(self, work: Work, error: BaseException, attempt: int, seconds: float | None = None) -> None:
        """For good, after it ran for `seconds`; None: it was not begun."""
        version = insist(lambda: self.journal.log_task_failure(work.task_id, error))
        if seconds is not None:
            ran(work.task_type, "failed", seconds)
        kind, text = describe(error)
        DEAD.labels(f"tasks.{self.worker}", kind).inc()
        self._tell(work, Outcome(State.FAILED, attempt, version, None, kind, text))

    def _pause(self, attempt: int) -> float:
        longest = min(self.settings.retry_base_s * 2 ** (attempt - 1), self.settings.retry_max_s)
        return random.uniform(longest / 2, longest)

    def _tell(self, work: Work, outcome: Outcome) -> None:
        """Dispatch the outcome, at least once; a failure is buried too, the first time."""
        data = {"task_id": work.task_id, "attempt": outcome.attempt, "result": outcome.result}
        if outcome.state is State.FAILED:
            data |= {"error_class": outcome.error_class, "error": outcome.error}
            if not outcome.again:
                insist(lambda: self.publisher.bury(work, self.worker, f"{outcome.error_class}: {outcome.error}"))
        event = f"{work.task_type}.{outcome.state}"
        insist(lambda: self._announce(work, event, data))
        if not outcome.again:
            self.journal.mark_announced(work.task_id, outcome.version)

    def _announce(self, work: Work, event: str, data: Json) -> None:
        self.publisher.announce(self.worker, event, data, work.headers)

    def _settle(self, task_id: str) -> None:
        self._acknowledge(self._claims.pop(task_id))

    def _acknowledge(self, claim: Claim) -> None:
        for message in claim.messages:
            self.queue_consumer.ack_message(message)

    def _give_back(self, task_id: str) -> None:
        for message in self._claims.pop(task_id).messages:
            self.queue_consumer.requeue_message(message)

    def _refuse(self, work: Work, message: Any) -> None:
        self._bury(work, "unknown task type" if work.task_id else "no task id")
        self.queue_consumer.ack_message(message)

    def _bury(self, work: Work, reason: str) -> None:
        log.error("%s: %s", reason, work.task_type)
        DEAD.labels(f"tasks.{self.worker}", reason.partition(":")[0]).inc()
        insist(lambda: self.publisher.bury(work, self.worker, reason))


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
            if not running.begin():
                return None
            with running.within(timeout_s):
                return method(service, running)

        entrypoint: Callable[..., Json] = Task.decorator(task_type)(run)
        return entrypoint

    return decorate


def _pages(task_ids: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(task_ids), PAGE):
        yield task_ids[first : first + PAGE]


def _plain(headers: dict[str, Any]) -> dict[str, Json]:
    """What of a message's headers is ours to keep: not the broker's own notes on its way here."""
    return {name: value for name, value in headers.items() if not name.startswith("x-") and name != "reason"}
