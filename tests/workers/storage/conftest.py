"""The storage worker as a process of its own, on the real broker and store; the tests put tasks and hear its events."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Queue
from nameko.events import get_event_exchange
from uuid6 import uuid7

from services.kernel import migrations
from services.kernel.settings import TASKS
from tests.stack import ROOT, TestStack, eventually, started
from wal.amqp.publisher import TaskPublisher
from wal.records import Work
from workers.objects import ObjectStore


@pytest.fixture(scope="session")
def parts() -> Iterator[TestStack]:
    with started("--no-services") as running:
        list(migrations.up(running.settings["ECO2_DATABASE_URL"]))
        yield running


@pytest.fixture(scope="session")
def store(parts: TestStack) -> ObjectStore:
    return ObjectStore(parts.config)


class Storage:
    """Puts tasks for the worker, and hears what it tells of them."""

    def __init__(self, parts: TestStack) -> None:
        self._connection = Connection(parts.settings["ECO2_AMQP_URL"])
        self._publisher = TaskPublisher(parts.settings["ECO2_AMQP_URL"], TASKS)
        channel = self._connection.default_channel
        exchange = get_event_exchange("storage", {})(channel)
        exchange.declare()
        self._ears = Queue(f"test-{uuid7()}", exchange=exchange, routing_key="#", auto_delete=True)(channel)
        self._ears.declare()
        self._told: list[tuple[str, dict[str, Any]]] = []

    def put(self, kind: str, payload: object, task_id: str, content_type: str = "image/jpeg") -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        kept = content_type if isinstance(payload, bytes) else "application/json"
        self._publisher.put(Work(task_id, kind, body, kept, {}))

    def outcome(self, task_id: str) -> tuple[str, dict[str, Any]]:
        """The event that ends a task, and its data."""
        return self._heard(task_id)[0]

    def outcomes(self, task_id: str, count: int) -> list[tuple[str, dict[str, Any]]]:
        return eventually(lambda: len(found := self._heard(task_id)) >= count and found)

    def done(self, kind: str, payload: object, task_id: str, **more: str) -> Any:
        """Put a task that is to be completed; its result."""
        self.put(kind, payload, task_id, **more)
        event, data = self.outcome(task_id)
        assert event == f"{kind}.completed", data
        return data["result"]

    def close(self) -> None:
        self._publisher.close()
        self._connection.close()

    def _heard(self, task_id: str) -> list[tuple[str, dict[str, Any]]]:
        def look() -> list[tuple[str, dict[str, Any]]]:
            while message := self._ears.get(no_ack=True):
                self._told.append((message.delivery_info["routing_key"], json.loads(message.body)))
            return [(event, data) for event, data in self._told if data["task_id"] == task_id]

        found: list[tuple[str, dict[str, Any]]] = eventually(look, 30)
        return found


@contextmanager
def worker(parts: TestStack, state: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The storage worker, with its journal in `state`."""
    environment = {
        **os.environ,
        **parts.settings,
        "ECO2_HTTP_PORT": _free_port(),
        "ECO2_STATE_DIR": str(state),
        "ECO2_WAL__RETRY_BASE_S": "0.2",
    }
    command = [sys.executable, "-W", "ignore", "-m", "services.kernel.run", "workers.storage.service:StorageWorker"]
    with (state / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="package")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("storage")


@pytest.fixture(scope="package")
def running(parts: TestStack, state: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with worker(parts, state) as process:
        yield process


@pytest.fixture(scope="package")
def storage(parts: TestStack, running: object) -> Iterator[Storage]:
    asked = Storage(parts)
    yield asked
    asked.close()


@pytest.fixture
def task_id() -> Callable[[str], str]:
    """Ids of tasks of new scans: ``task_id("store")``."""
    return lambda what: f"{uuid7()}.{what}"


def _free_port() -> str:

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])
