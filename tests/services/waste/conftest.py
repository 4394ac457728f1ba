"""The waste service with the real recycle service beside it; the workers are the tests, who tell and hear for them."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from kombu import Connection
from nameko.standalone.events import event_dispatcher
from uuid6 import uuid7

from services.kernel.config import config
from services.kernel.events import event_handler
from services.kernel.objects import ObjectStore
from services.kernel.service import EcoService
from services.kernel.settings import TASKS, nameko_config
from services.recycle.service import RecycleService
from services.waste.service import WasteService
from tests.services.running import Running, eventually, running

Tell = Callable[[str, str, dict[str, Any]], None]


class Listener(EcoService):
    """Another domain."""

    name = "test_waste_listener"
    heard: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    @event_handler("waste", "scan_deleted")
    def scan_deleted(self, event: dict[str, Any]) -> None:
        self.heard.append(("scan_deleted", event))

    @event_handler("waste", "scan_feedback")
    def scan_feedback(self, event: dict[str, Any]) -> None:
        self.heard.append(("scan_feedback", event))

    @event_handler("waste", "scan_completed")
    def scan_completed(self, event: dict[str, Any]) -> None:
        self.heard.append(("scan_completed", event))


@pytest.fixture(scope="package")
def waste(stack: Any) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**stack.settings, "ECO2_HTTP_PORT": "1"}.items():
            environment.setenv(name, value)
        config.cache_clear()
        with (
            running(RecycleService, stack.config),
            running(Listener, stack.config),
            running(WasteService, stack.config) as service,
        ):
            yield service
    config.cache_clear()


@dataclass(frozen=True)
class Scans:
    """Opens scans and plays the workers, as their events would."""

    waste: Running
    tell: Tell
    owner: str = field(default_factory=lambda: str(uuid7()))

    def open(self, owner: str | None = "own", **fields: Any) -> str:
        who = self.owner if owner == "own" else owner
        new = {
            "owner": who,
            "scope": who or "address:test",
            "request_sha256": hashlib.sha256(b"a photo").hexdigest(),
            "language": "ko",
            "image_bytes": 1000,
            "image_width": 100,
            "image_height": 100,
            **fields,
        }
        scan_id: str = self.waste.call.open_scan(new)["scan_id"]
        return scan_id

    def stored(self, image_key: str | None = None, **fields: Any) -> str:
        scan_id = self.open(**fields)
        self.tell_stored(scan_id, image_key or f"images/{scan_id}.jpg")
        eventually(lambda: self.state(scan_id) == "stored")
        return scan_id

    def completed(self, item_id: str | None = "pizza_box", **fields: Any) -> str:
        scan_id = self.stored(**fields)
        self.tell_completed(scan_id, item_id)
        eventually(lambda: self.state(scan_id) == "completed")
        return scan_id

    def tell_stored(self, scan_id: str, image_key: str) -> None:
        self.tell("storage", "image.store.completed", {"task_id": f"{scan_id}.store", "result": {"key": image_key}})

    def tell_imported(self, scan_id: str, image_key: str, **size: int) -> None:
        result = {"key": image_key, "bytes": 900, "width": 90, "height": 60, "content_type": "image/jpeg", **size}
        self.tell("storage", "image.import.completed", {"task_id": f"{scan_id}.import", "result": result})

    def tell_refused(self, scan_id: str, code: str, detail: str) -> None:
        result = {"refused": {"code": code, "detail": detail}}
        self.tell("storage", "image.import.completed", {"task_id": f"{scan_id}.import", "result": result})

    def tell_completed(self, scan_id: str, item_id: str | None) -> None:
        known = item_id is not None
        result = {
            "item_id": item_id,
            "major": "recyclable" if known else None,
            "kind": "paper" if known else None,
            "confidence": 0.9 if known else 0.2,
            "disposal": {"name": "피자 상자"} if known else None,
            "insufficiencies": [],
        }
        self.tell("ai", "scan.classify.completed", {"task_id": f"{scan_id}.classify", "result": result})

    def state(self, scan_id: str) -> str | None:
        rows = self.waste.sql("SELECT state FROM waste.scans WHERE id = %s", scan_id)
        return rows[0][0] if rows else None

    def opened_ago(self, scan_id: str, seconds: float) -> None:
        self.waste.sql(
            "UPDATE waste.scans SET created_at = now() - %s * interval '1 s' WHERE id = %s", seconds, scan_id
        )


@pytest.fixture
def scans(waste: Running) -> Scans:
    """The scans of a new user."""
    return Scans(waste, event_dispatcher(nameko_config(waste.config)))


@pytest.fixture
def heard(waste: Running) -> Callable[[str, str], list[dict[str, Any]]]:
    """What another domain heard of a scan: ``heard("scan_deleted", scan_id)``."""
    return lambda kind, scan_id: [told for name, told in Listener.heard if (name, told["scan_id"]) == (kind, scan_id)]


@dataclass(frozen=True)
class Task:
    """What waits for a worker."""

    id: str
    type: str
    payload: Any


@pytest.fixture
def tasks(waste: Running) -> Callable[[str], list[Task]]:
    """Takes all that waits for a worker: ``tasks("storage")``."""

    def take(worker: str) -> list[Task]:
        found = []
        with Connection(str(waste.config.amqp_url)) as connection:
            queue = TASKS.work_queue(worker)(connection.default_channel)
            while message := queue.get(no_ack=True):
                found.append(
                    Task(message.properties["message_id"], message.properties["type"], json.loads(message.body))
                )
        return found

    return take


@pytest.fixture
def queued(tasks: Callable[[str], list[Task]]) -> Callable[[], list[str]]:
    """Takes all that waits for the AI worker; the ids of the tasks."""
    return lambda: [task.id for task in tasks("ai")]


@pytest.fixture
def dropped(tasks: Callable[[str], list[Task]]) -> Callable[[str], bool]:
    """Whether the storage worker was told to delete the object of this key."""
    keys: list[str] = []

    def asked(key: str) -> bool:
        keys.extend(task.payload["key"] for task in tasks("storage") if task.type == "image.delete")
        return key in keys

    return asked


@pytest.fixture(scope="session")
def store(stack: Any) -> ObjectStore:
    """The store as the workers see it."""
    return ObjectStore(stack.config)
