"""The providers that the configuration asks for. The rest of the worker never learns which."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import redis

from services.kernel.config import Ai, Config, ConfigError
from services.recycle.knowledge import knowledge, search
from workers.ai.pipeline import Answers, Compute
from workers.ai.recognition import Vision

Within = Callable[[float], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Remote:
    """Both stages by the same server; they share its limits, budget and breaker."""

    vision: Vision
    answers: Answers


def remote(settings: Config, cache: redis.Redis, within: Within, compute: Compute) -> Remote | None:
    """The provider ``openai``, or None where the local one is to do everything.

    Raises `ConfigError` when ``openai`` is asked for and there is no key. ``within`` bounds the time spent in it by
    raising `TimeoutError`; ``compute`` runs what keeps a processor busy.
    """
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    if settings.ai.provider == "local" or (settings.ai.provider == "auto" and not key):
        return None
    if not key:
        raise ConfigError("ai.provider is openai, but the environment has no OPENAI_API_KEY")
    return openai_remote(settings.ai, key, cache, within, compute)


def openai_remote(ai: Ai, key: str, cache: redis.Redis, within: Within, compute: Compute) -> Remote:
    """The provider ``openai`` with this key."""
    # Here and not on top: the client's 30 MB are of no use to a worker without a key.
    from openai import OpenAI, Timeout

    from workers.ai.openai import calls, protocol
    from workers.ai.openai.answer import OpenAIAnswers
    from workers.ai.openai.limits import DailyBudget, TokenBuckets
    from workers.ai.openai.photo import data_url
    from workers.ai.openai.prices import PriceList
    from workers.ai.openai.vision import OpenAIVision

    wanted = ai.openai
    client = OpenAI(
        api_key=key,
        base_url=str(wanted.base_url),
        organization=wanted.organization,
        project=wanted.project,
        timeout=Timeout(wanted.read_timeout_s, connect=wanted.connect_timeout_s),
        max_retries=0,  # `calls` tries again, within the stage's time and the day's budget
    )
    caller = calls.Caller(
        partial(protocol.ask, client, api=wanted.api),
        prices=PriceList(wanted.prices, wanted.won_per_dollar),
        buckets=TokenBuckets(
            cache, requests_per_minute=wanted.requests_per_minute, tokens_per_minute=wanted.tokens_per_minute
        ),
        budget=DailyBudget(cache, wanted.daily_budget_won),
        breaker=calls.breaker(wanted.breaker_failures, wanted.breaker_reset_s),
        patience=calls.Patience(wanted.deadline_s, wanted.max_attempts, wanted.limit_wait_s),
        within=within,
    )
    vision = OpenAIVision(
        caller,
        model=wanted.vision_model,
        knowledge=knowledge(),
        threshold=ai.threshold,
        detail=wanted.image_detail,
        effort=wanted.vision_effort,
        encode=lambda photo: compute(lambda: data_url(photo, side_px=wanted.image_side_px)),
        find=lambda name: compute(lambda: search(name, 1)),
    )
    return Remote(vision, OpenAIAnswers(caller, model=wanted.answer_model))
