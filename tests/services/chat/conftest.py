"""Chat with the real services that it asks, without a model, and with one that is the stand-in."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from services.chat.service import ChatService
from services.chat.writers import Writers, dialogue
from services.kernel import cache
from services.kernel.config import Config, config
from services.location.service import LocationService
from services.recycle.service import RecycleService
from services.waste.service import WasteService
from tests.doubles.openai_server import OpenAIServer
from tests.services.running import Running, eventually, running

QUICK: dict[str, Any] = {
    "read_timeout_s": 2.0,
    "deadline_s": 8.0,
    "limit_wait_s": 0.2,
    "max_attempts": 2,
    "breaker_failures": 100,
}

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="package")
def others(stack: Any) -> Iterator[Any]:
    """The services that chat asks."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**stack.settings, "ECO2_HTTP_PORT": "1"}.items():
            environment.setenv(name, value)
        config.cache_clear()
        with (
            running(RecycleService, stack.config),
            running(LocationService, stack.config),
            running(WasteService, stack.config) as waste,
        ):
            yield waste
    config.cache_clear()


@pytest.fixture(scope="package")
def service(stack: Any, others: Running) -> Iterator[Running]:
    """The chat service with the services that it asks. One for all: a process has one database for a table."""
    with running(ChatService, with_chat(stack.config)) as started:
        yield started


def writers(service: Running) -> Writers:
    """What writes the service's answers."""
    (found,) = (part for part in service.container.dependencies if isinstance(part, Writers))
    return found


@pytest.fixture
def chat(service: Running) -> Running:
    """Chat without a model."""
    writers(service).dialogue = None
    return service


@pytest.fixture(scope="package")
def openai_server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as started:
        yield started


@pytest.fixture
def server(openai_server: OpenAIServer) -> OpenAIServer:
    """The stand-in model, with nothing programmed."""
    openai_server.reset()
    return openai_server


@pytest.fixture
def talks(stack: Any, service: Running, server: OpenAIServer) -> Iterator[Callable[..., Running]]:
    """Chat with a model, which is the stand-in: ``talks({"api": "chat"}, max_rounds=1)`` changes settings."""
    provider = writers(service)
    before = provider.settings

    def with_settings(openai: dict[str, Any] | None = None, **chat: Any) -> Running:
        settings = with_model(stack.config, server, openai, **chat)
        provider.settings, provider.dialogue = settings.chat, dialogue(settings, provider.redis)
        return service

    yield with_settings
    provider.settings, provider.dialogue = before, None


@pytest.fixture
def talking(talks: Callable[..., Running]) -> Running:
    """Chat with a model, as it is configured."""
    return talks()


@pytest.fixture
def store(stack: Any) -> Iterator[redis.Redis]:
    """The Redis of the stack."""
    client = cache.client(stack.config)
    yield client
    client.close()


@pytest.fixture
def conversation(chat: Running) -> str:
    """A conversation of nobody in particular."""
    conversation_id: str = chat.call.start()["conversation_id"]
    return conversation_id


def with_chat(settings: Config, **changes: Any) -> Config:
    """The configuration with other settings of chat."""
    return settings.model_copy(update={"chat": settings.chat.model_copy(update={"lease_s": 3.0, **changes})})


def with_model(settings: Config, server: OpenAIServer, openai: dict[str, Any] | None = None, **chat: Any) -> Config:
    """The configuration with the stand-in as its model; `openai` changes ``ai.openai``."""
    wanted = settings.ai.openai.model_copy(update={**QUICK, "base_url": server.base_url, **(openai or {})})
    ai = settings.ai.model_copy(update={"provider": "openai", "openai": wanted})
    key = SecretStr(server.api_key)
    return with_chat(settings, **chat).model_copy(update={"ai": ai, "openai_api_key": key})


def ended(service: Running, conversation: str, answer_id: str, owner: str | None = None) -> dict[str, Any]:
    """The answer, when it has come or failed."""

    def found() -> dict[str, Any] | None:
        message: dict[str, Any] = service.call.message(conversation, answer_id, owner)
        return message if message["state"] != "writing" else None

    answer: dict[str, Any] = eventually(found, within_s=30)
    return answer


def asked(
    service: Running,
    message: str,
    conversation: str | None = None,
    owner: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The answer to a message, in a new conversation unless one is given."""
    conversation = conversation or service.call.start(owner)["conversation_id"]
    posted = service.call.post(conversation, message, owner, options or None)
    return ended(service, conversation, posted["answer_id"], owner)
