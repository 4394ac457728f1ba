"""The background of the chat service: a bounded number of answers at once, their leases, what others left behind."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import eventlet
from nameko.extensions import DependencyProvider
from nameko.timer import Timer
from peewee import PeeweeException
from playhouse.pool import MaxConnectionsExceeded

from services.chat import leases, stream, window
from services.chat.dialogue import Dialogue
from services.chat.domains import Domains
from services.chat.leases import Attempt
from services.chat.metrics import ANSWERS, TAKEN_OVER, WRITING
from services.chat.tables import Message
from services.chat.writing import Writer, failure
from services.kernel import cache
from services.kernel.config import Config
from services.kernel.errors import Unavailable
from services.kernel.openai.choice import chosen_key
from services.kernel.openai.within import within
from services.kernel.settings import config_of

log = logging.getLogger(__name__)

KEEP_TRIES, KEEP_PAUSE_S = 5, 1.0
STOP_S = 2.0


class LeaseTimer(Timer):
    """Fires three times in a lease, so that one that is missed costs no answer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(interval=0, **kwargs)

    def setup(self) -> None:
        self.interval = config_of(self.container).chat.lease_s / 3


lease_timer = LeaseTimer.decorator


class Writers(DependencyProvider):
    """Writes answers behind the calls that asked for them."""

    def setup(self) -> None:
        config = config_of(self.container)
        self.settings = config.chat
        self.redis = cache.client(config)
        self.dialogue = dialogue(config, self.redis)
        self.running: dict[Attempt, Any] = {}
        self.free = eventlet.semaphore.Semaphore(self.settings.max_answers)

    def stop(self) -> None:
        """What is not written is left to the others, or to the next start, at once."""
        left = dict(self.running)
        for thread in left.values():
            thread.kill()
        with eventlet.Timeout(STOP_S, False):
            try:
                if left:
                    self._with_database(lambda: leases.renew(left, 0))
            except PeeweeException as error:
                log.warning("%d answers wait until their leases are over: %s", len(left), error)
        self.redis.close()

    def get_dependency(self, worker_ctx: Any) -> "Writers":
        return self

    @contextmanager
    def place(self) -> Iterator[Callable[[str, Domains], None]]:
        """A place for one more answer: ``begin(answer_id, domains)``. Raises `Unavailable` ``chat_busy``."""
        if not self.free.acquire(blocking=False):
            raise Unavailable("chat_busy", "Too many answers are being written. Try again in a moment.")
        taken = False

        def begin(answer_id: str, domains: Domains) -> None:
            nonlocal taken
            taken = True
            self._spawn(Attempt(answer_id, 1), domains)

        try:
            yield begin
        finally:
            if not taken:
                self.free.release()

    def beat(self, domains: Domains) -> None:
        """Keep the leases of what is written here, and take over what others have left behind."""
        if self.running:
            leases.renew(self.running, self.settings.lease_s)
        room = self.settings.max_answers - len(self.running)
        if room <= 0:
            return
        begun, failed = leases.claim(self.settings.lease_s, self.settings.max_attempts, room)
        for answer_id in failed:
            log.error("answer %s was begun %d times and given up", answer_id, self.settings.max_attempts)
            stream.tell_end(self.redis, self.settings.stream_ttl_s, answer_id, "failed")
            ANSWERS.labels("failed", "none", "answer_interrupted").inc()
        TAKEN_OVER.inc(len(begun))
        for attempt in begun:
            log.warning("answer %s is taken over, attempt %d", attempt.answer_id, attempt.number)
            self.free.acquire()
            self._spawn(attempt, domains)

    def forget(self, answer_ids: list[str]) -> None:
        """Answers were deleted."""
        stream.forget(self.redis, answer_ids)

    def _spawn(self, attempt: Attempt, domains: Domains) -> None:
        WRITING.inc()
        self.running[attempt] = self.container.spawn_managed_thread(
            lambda: self._run(attempt, domains), identifier="answer"
        )

    def _run(self, attempt: Attempt, domains: Domains) -> None:
        try:
            self._write(attempt, domains)
        except Exception:  # what leaves a managed thread ends the container
            log.exception("answer %s is left to whoever takes it over", attempt.answer_id)
        finally:
            self.running.pop(attempt, None)
            WRITING.dec()
            self.free.release()

    def _write(self, attempt: Attempt, domains: Domains) -> None:
        question = self._with_database(lambda: leases.question(attempt))
        if question is None:
            return
        said = self._with_database(lambda: window.before(question.conversation_id, question.ordinal))
        telling = stream.Telling(self.redis, attempt, self.settings.stream_ttl_s)
        writer = Writer(domains, self.dialogue, self.settings, within)
        try:
            with within(self.settings.deadline_s):
                written = writer.write(question, window.fitted(said, self.settings.window_tokens), telling)
        except Exception as error:
            code, detail = failure(error)
            outcome = ("failed", "none", code)
            log.warning("answer %s fails: %s", attempt.answer_id, error, exc_info=code == "internal_error")
            ended = self._kept(lambda: leases.fail(attempt, code, detail))
        else:
            ended = self._kept(lambda: leases.complete(attempt, written))
            outcome = ("completed", written.provider, written.degraded or "none")
        if ended:
            telling.end(outcome[0])
            ANSWERS.labels(*outcome).inc()
        if not self._with_database(lambda: leases.exists(attempt.answer_id)):
            self.forget([attempt.answer_id])

    def _kept(self, keep: Callable[[], bool]) -> bool:
        """Try to keep the end of an answer for a while; then its lease runs out and it is written again."""
        for number in range(KEEP_TRIES):
            try:
                return bool(self._with_database(keep))
            except (PeeweeException, MaxConnectionsExceeded):
                if number == KEEP_TRIES - 1:
                    raise
                eventlet.sleep(KEEP_PAUSE_S)
        return False

    def _with_database(self, work: Callable[[], Any]) -> Any:
        with Message._meta.database.connection_context():
            return work()


def dialogue(config: Config, redis: Any) -> Dialogue | None:
    """The model that the configuration asks for; None where the rules answer alone. Raises `ConfigError`."""
    key = chosen_key(config)
    if key is None:
        return None
    # Here and not on top: the client's 30 MB are of no use to a process without a key.
    from services.kernel.openai import turns
    from services.kernel.openai.calls import Caller
    from services.kernel.openai.client import caller, connect
    from services.kernel.openai.turns import Turn

    wanted, chat = config.ai.openai, config.chat
    client = connect(wanted, key)
    asking: Caller[Turn] = caller(
        wanted, redis, within, lambda turn: turns.take(client, turn, wanted.api), (chat.model,)
    )
    return Dialogue(asking, chat.model, chat.effort, chat.max_output_tokens, chat.max_rounds)
