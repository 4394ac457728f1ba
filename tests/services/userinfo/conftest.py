"""The userinfo service with the real recycle service beside it; auth, waste and the storage worker are the tests."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from kombu import Connection
from nameko.standalone.events import event_dispatcher
from uuid6 import uuid7

from services.kernel.config import config
from services.kernel.settings import TASKS, nameko_config
from services.recycle.service import RecycleService
from services.userinfo.service import UserinfoService
from services.userinfo.tables import Profile
from tests.services.running import Running, eventually, running

Tell = Callable[[str, str, dict[str, Any]], None]

WITHIN_S = 20


@pytest.fixture(scope="package")
def userinfo(stack: Any) -> Iterator[Running]:
    events = stack.config.events.model_copy(update={"max_attempts": 2})
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**stack.settings, "ECO2_HTTP_PORT": "1"}.items():
            environment.setenv(name, value)
        config.cache_clear()
        with (
            running(RecycleService, stack.config),
            running(UserinfoService, stack.config.model_copy(update={"events": events})) as service,
        ):
            yield service
    config.cache_clear()


@pytest.fixture
def database(userinfo: Running) -> Iterator[Any]:
    """For tests that call the domain's functions themselves: a connection that goes back in the end."""
    with Profile._meta.database.connection_context():
        yield Profile._meta.database


@pytest.fixture
def tell(userinfo: Running) -> Tell:
    """Dispatches an event as another service would: ``tell("auth", "user_registered", {...})``."""
    dispatch: Tell = event_dispatcher(nameko_config(userinfo.config))
    return dispatch


@pytest.fixture
def register(userinfo: Running, tell: Tell) -> Callable[..., str]:
    """A user whose registration has arrived: ``register("바다")``."""

    def register(name: str = "하늘") -> str:
        new = str(uuid7())
        tell("auth", "user_registered", {"user_id": new, "name": name})
        eventually(lambda: userinfo.sql("SELECT 1 FROM userinfo.profiles WHERE user_id = %s", new), WITHIN_S)
        return new

    return register


@pytest.fixture
def user_id(register: Callable[..., str]) -> str:
    return register()


@dataclass
class Put:
    """What was put for the storage worker since the test began."""

    take: Callable[[], list[tuple[str, bytes]]]
    tasks: list[tuple[str, bytes]] = field(default_factory=list)

    def payloads(self, times: int) -> list[Any]:
        """The payloads, once there are so many."""

        def enough() -> bool:
            self.tasks += self.take()
            return len(self.tasks) >= times

        eventually(enough, WITHIN_S)
        return [json.loads(body) for _, body in self.tasks]


@pytest.fixture
def put(userinfo: Running) -> Iterator[Put]:
    with Connection(str(userinfo.config.amqp_url)) as connection, connection.channel() as channel:
        TASKS.declare(channel)
        channel.queue_purge("tasks.storage")

        def take() -> list[tuple[str, bytes]]:
            found = []
            while (message := channel.basic_get("tasks.storage", no_ack=True)) is not None:
                body = message.body if isinstance(message.body, bytes) else message.body.encode()
                found.append((message.properties["message_id"], body))
            return found

        yield Put(take)


def ignore(_: str) -> None:
    """Takes a picture to be discarded, and does nothing."""


def finished(owner: str | None, **fields: Any) -> dict[str, Any]:
    """What waste tells of a scan."""
    return {
        "scan_id": str(uuid7()),
        "owner": owner,
        "item_id": "clear_pet_bottle",
        "major": "recyclable",
        "kind": "clear_pet",
        "confidence": 0.9,
        "insufficiencies": [],
        "completed_at": datetime.now(UTC).isoformat(),
        **fields,
    }


def deleted(scan: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What waste tells when it is deleted."""
    told = {"scan_id": scan["scan_id"], "owner": scan["owner"], "image_key": None, "image_shared": False}
    return {**told, **fields}
