"""The client and the caller that the configuration asks for."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TypeVar

import redis
from openai import OpenAI, Timeout

from services.kernel.config import OpenAi
from services.kernel.openai import calls, gauges
from services.kernel.openai.limits import DailyBudget, TokenBuckets
from services.kernel.openai.prices import PriceList
from services.kernel.openai.protocol import Reply

Q = TypeVar("Q", bound=calls.Asked)
Within = Callable[[float], AbstractContextManager[object]]


def connect(wanted: OpenAi, key: str) -> OpenAI:
    """A client that tries nothing again by itself: `calls` does, within its time and the day's budget."""
    return OpenAI(
        api_key=key,
        base_url=str(wanted.base_url),
        organization=wanted.organization,
        project=wanted.project,
        timeout=Timeout(wanted.read_timeout_s, connect=wanted.connect_timeout_s),
        max_retries=0,
    )


def caller(
    wanted: OpenAi, cache: redis.Redis, within: Within, send: Callable[[Q], Reply], models: Iterable[str]
) -> calls.Caller[Q]:
    """Asks `models` by `send`; shares the limits and the budget in `cache` with all who ask. Its breaker is its own.

    ``within`` bounds the time spent in it by raising `TimeoutError`.
    """
    budget = DailyBudget(cache, wanted.daily_budget_won)
    breaker = calls.breaker(wanted.breaker_failures, wanted.breaker_reset_s)
    gauges.watch(budget, breaker, models, within)
    return calls.Caller(
        send,
        prices=PriceList(wanted.prices, wanted.won_per_dollar),
        buckets=TokenBuckets(
            cache, requests_per_minute=wanted.requests_per_minute, tokens_per_minute=wanted.tokens_per_minute
        ),
        budget=budget,
        breaker=breaker,
        patience=calls.Patience(wanted.deadline_s, wanted.max_attempts, wanted.limit_wait_s),
        within=within,
    )
