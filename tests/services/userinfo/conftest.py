from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from nameko.standalone.events import event_dispatcher
from uuid6 import uuid7

from services.kernel.config import Config
from services.kernel.settings import nameko_config
from services.userinfo.service import UserinfoService
from tests.services.running import Running, eventually, running

Tell = Callable[[str, str, dict[str, Any]], None]


@pytest.fixture(scope="package")
def userinfo(stack: Any) -> Iterator[Running]:
    events = stack.config.events.model_copy(update={"max_attempts": 2})
    config: Config = stack.config.model_copy(update={"events": events})
    with running(UserinfoService, config) as service:
        yield service


@pytest.fixture
def tell(userinfo: Running) -> Tell:
    """Dispatches an event as another service would: ``tell("auth", "user_registered", {...})``."""
    dispatch: Tell = event_dispatcher(nameko_config(userinfo.config))
    return dispatch


@pytest.fixture
def user_id(userinfo: Running, tell: Tell) -> str:
    """A user whose registration has arrived."""
    new = str(uuid7())
    tell("auth", "user_registered", {"user_id": new, "name": "하늘"})
    eventually(lambda: userinfo.sql("SELECT 1 FROM userinfo.profiles WHERE user_id = %s", new))
    return new


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
