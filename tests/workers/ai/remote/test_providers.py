"""Which provider the configuration asks for."""

from contextlib import nullcontext

import pytest
import redis
from pydantic import SecretStr

from services.kernel.config import Config, ConfigError
from tests.stack import TestStack
from workers.ai.providers import Remote, remote


def made(parts: TestStack, provider: str, key: str | None) -> Remote | None:
    settings: Config = parts.config
    wanted = settings.model_copy(
        update={
            "openai_api_key": SecretStr(key) if key is not None else None,
            "ai": settings.ai.model_copy(update={"provider": provider}),
        }
    )
    return remote(wanted, redis.Redis(port=9), lambda _: nullcontext(), lambda work: work())


@pytest.mark.parametrize(
    ("provider", "key", "is_remote"),
    [
        ("auto", "sk-1", True),
        ("auto", None, False),
        ("auto", "", False),
        ("openai", "sk-1", True),
        ("local", "sk-1", False),
    ],
)
def test_a_key_decides_unless_the_configuration_does(
    parts: TestStack, provider: str, key: str | None, is_remote: bool
) -> None:
    assert (made(parts, provider, key) is not None) == is_remote


@pytest.mark.parametrize("key", [None, ""])
def test_openai_without_a_key_is_told_at_the_start(parts: TestStack, key: str | None) -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        made(parts, "openai", key)
