"""One journal a worker process: opened and recovered before anything is consumed, synced while it runs."""

import logging
from typing import Any

import eventlet
import psycopg2
from nameko.extensions import DependencyProvider, SharedExtension

from wal.amqp.settings import settings_of
from wal.green import GreenRuntime
from wal.journal import WALManager
from wal.sync import Syncer

log = logging.getLogger(__name__)


ANSWER_S = 10.0
"""How long PostgreSQL may be silent. Its own time-outs do not end a wait in the hub."""


def _answer_in_time() -> eventlet.Timeout:
    return eventlet.Timeout(ANSWER_S, psycopg2.OperationalError(f"PostgreSQL did not answer within {ANSWER_S:g} s"))


class SharedJournal(SharedExtension):
    """Owns the worker's journal file and its sync to PostgreSQL."""

    def __init__(self) -> None:
        super().__init__()
        self._journal: WALManager | None = None
        self.unfinished: list[str] = []
        """Tasks that the last process left unfinished, oldest first."""
        self.unannounced: list[str] = []
        """Finished tasks whose outcome the last process may not have told."""

    @property
    def journal(self) -> WALManager:
        """The journal; the first to ask opens it (Nameko sets extensions up in no order) and recovers."""
        if self._journal is None:
            settings = settings_of(self.container)
            name = self.container.service_name
            runtime = GreenRuntime()
            self._journal = WALManager(
                settings.directory / f"{name}.db", worker=name, runtime=runtime, queue_limit=settings.queue_limit
            )
            self.unfinished = self._journal.recover_pending_tasks()
            self.unannounced = self._journal.unannounced()
            self.syncer = Syncer(
                self._journal,
                lambda: psycopg2.connect(
                    settings.database_url, connect_timeout=3, application_name=f"eco2-journal-{name}"
                ),
                interval_s=settings.sync_interval_s,
                batch=settings.sync_batch,
                retain_s=settings.retain_s,
                retain_bytes=settings.retain_bytes,
                limit=_answer_in_time,
            )
            self._sleep = runtime.sleep
            if self.unfinished:
                log.warning("recovered %d unfinished tasks", len(self.unfinished))
        return self._journal

    def setup(self) -> None:
        _ = self.journal

    def start(self) -> None:
        self._syncing = self.container.spawn_managed_thread(
            lambda: self.syncer.run(self._sleep), identifier="journal sync"
        )

    def stop(self) -> None:
        if self._journal is not None:
            self._syncing.kill()
            self.syncer.finish()
            self._journal.close()
        super().stop()


class Journal(DependencyProvider):
    """Gives a worker its journal, to look at; the entrypoint does the writing."""

    shared = SharedJournal()

    def get_dependency(self, worker_ctx: Any) -> WALManager:
        return self.shared.journal

    def check(self) -> None:
        """Raises when the last commit failed."""
        trouble = self.shared.journal.trouble
        if trouble:
            raise OSError(trouble)
