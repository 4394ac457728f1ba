"""The vision providers by name, as the AI worker would make them, without the stack."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import redis

from services.kernel.config import Ai, Settings
from services.recycle.knowledge import knowledge
from workers.ai.evaluation.labels import EvaluationError
from workers.ai.local.build import build
from workers.ai.local.vision import LocalVision
from workers.ai.providers import openai_remote
from workers.ai.recognition import Vision

REPOSITORY = Path(__file__).parents[3]


class _Settings(Settings):
    """The section ``ai`` alone; the rest of the configuration wants a stack's addresses."""

    ai: Ai


def vision_named(name: str) -> Vision:
    """Returns a provider. Raises EvaluationError for a name that is none, or when it cannot be made."""
    try:
        make = PROVIDERS[name]
    except KeyError:
        raise EvaluationError(f"there is no provider {name!r}; there are: {', '.join(sorted(PROVIDERS))}") from None
    return make()


def model_file() -> Path:
    """Returns the local model's file, built when it is not there yet. Raises EvaluationError when it cannot be."""
    home = Path(os.environ.get("ECO2_HOME") or REPOSITORY / ".eco2").expanduser()
    try:
        return build(Path(os.environ.get("ECO2_CACHE") or home / "cache").expanduser())
    except (ImportError, OSError) as error:
        raise EvaluationError(
            f"the local model cannot be built: {error}. ./inv lint installs what it needs."
        ) from error


def _local() -> Vision:
    settings = _Settings().ai
    return LocalVision(
        model_file(), known_items=knowledge().items.keys(), threshold=settings.threshold, threads=settings.threads
    )


def _openai() -> Vision:
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key:
        raise EvaluationError("the provider openai needs OPENAI_API_KEY in the environment")
    return openai_remote(_Settings().ai, key, _redis(), lambda _: nullcontext(), lambda work: work()).vision


def _redis() -> redis.Redis:
    """That of the running stack, which knows the limits and the day's budget."""
    url = os.environ.get("ECO2_REDIS_URL")
    if not url:
        raise EvaluationError("the provider openai needs Redis (ECO2_REDIS_URL): start it with ./inv up")
    return redis.Redis.from_url(url, decode_responses=True)


PROVIDERS: dict[str, Callable[[], Vision]] = {"local": _local, "openai": _openai}
