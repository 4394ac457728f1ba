"""Gauges that are read when Prometheus asks: a sum that is set by calls alone would be yesterday's after midnight."""

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import redis
from circuitbreaker import CircuitBreaker

from services.kernel.openai.limits import DailyBudget
from services.kernel.openai.metrics import BREAKER_OPEN, BUDGET, SPENT

READ_S = 0.5
"""How long Redis may take to tell; Prometheus, and all other metrics, wait for it."""


def watch(
    budget: DailyBudget,
    breaker: CircuitBreaker,
    models: Iterable[str],
    within: Callable[[float], AbstractContextManager[object]],
) -> None:
    """From now on the gauges are of this budget, and of the breaker in front of these models.

    ``within`` bounds the time spent in it, by raising `TimeoutError`.
    """
    BUDGET.set(budget.won)
    SPENT.set_function(_Spent(budget, within).today)
    for model in models:
        BREAKER_OPEN.labels(model).set_function(lambda: breaker.opened)


@dataclass
class _Spent:
    budget: DailyBudget
    within: Callable[[float], AbstractContextManager[object]]
    day: str = ""
    won: float = math.nan

    def today(self) -> float:
        """While Redis does not answer, what it said last today; NaN where it has not."""
        today = self.budget.key()
        if today != self.day:
            self.day, self.won = today, math.nan
        try:
            with self.within(READ_S):
                self.won = self.budget.spent(today)
        except (redis.RedisError, TimeoutError):  # who asks a model hears of it, and logs it
            pass
        return self.won
