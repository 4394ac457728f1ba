from collections.abc import Iterator
from typing import Any

import pytest

from services.chat.service import ChatService
from services.recycle.service import RecycleService
from tests.services.running import Running, running


@pytest.fixture(scope="package")
def chat(stack: Any) -> Iterator[Running]:
    """The chat service with the recycle service that it asks."""
    with running(RecycleService, stack.config), running(ChatService, stack.config) as service:
        yield service


@pytest.fixture
def conversation(chat: Running) -> str:
    """A conversation of nobody in particular."""
    conversation_id: str = chat.call.start()["conversation_id"]
    return conversation_id
