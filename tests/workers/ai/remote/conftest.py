"""The provider ``openai`` with the real client, a stand-in server and a real Redis."""

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import redis

from services.kernel import cache
from services.kernel.config import Ai
from services.recycle.knowledge import knowledge
from tests.doubles.openai_server import OpenAIServer
from tests.stack import TestStack, started
from workers.ai.local.build import build
from workers.ai.local.vision import LocalVision
from workers.ai.memory import Memory
from workers.ai.pipeline import Pipeline
from workers.ai.providers import Remote, openai_remote

REPOSITORY = Path(__file__).parents[4]
QUICK: dict[str, Any] = {"read_timeout_s": 3.0, "deadline_s": 8.0, "limit_wait_s": 0.2, "breaker_failures": 100}

Far = Callable[..., Remote]


@pytest.fixture(scope="session")
def parts() -> Iterator[TestStack]:
    with started("--no-services") as running:
        yield running


@pytest.fixture
def memory_server(parts: TestStack) -> Iterator[redis.Redis]:
    """Redis, empty."""
    client = cache.client(parts.config)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def settings(parts: TestStack) -> Ai:
    return parts.config.ai


@pytest.fixture
def far(server: OpenAIServer, memory_server: redis.Redis, settings: Ai) -> Far:
    """Makes the provider; its arguments change the section ``ai.openai`` of the configuration."""

    def make(client: redis.Redis = memory_server, key: str = server.api_key, **changes: Any) -> Remote:
        wanted = settings.openai.model_copy(update={**QUICK, "base_url": server.base_url, **changes})
        ai = settings.model_copy(update={"openai": wanted})
        return openai_remote(ai, key, client, lambda _: nullcontext(), lambda work: work())

    return make


@pytest.fixture(scope="session")
def local() -> LocalVision:
    model = build(Path(os.environ.get("ECO2_CACHE") or REPOSITORY / ".eco2" / "cache"))
    return LocalVision(model, known_items=knowledge().items.keys(), threshold=0.5, threads=1)


@pytest.fixture
def pipeline(local: LocalVision, memory_server: redis.Redis) -> Callable[[Remote | None], Pipeline]:
    def make(far: Remote | None) -> Pipeline:
        memory = Memory(memory_server, keep_s=60)
        return Pipeline(local, far.vision if far else None, far.answers if far else None, memory, lambda work: work())

    return make


@pytest.fixture(scope="session")
def photo() -> bytes:
    return (REPOSITORY / "tests" / "photos" / "coffee.jpg").read_bytes()
