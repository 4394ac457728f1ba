"""Whether a model is asked, how often, and what it costs: limits, budget, circuit breaker, retries, accounting."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import openai
import redis
from circuitbreaker import CircuitBreaker
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from services.kernel.openai import metrics
from services.kernel.openai.limits import DailyBudget, TokenBuckets
from services.kernel.openai.prices import PriceList
from services.kernel.openai.protocol import Reply
from services.kernel.openai.usage import ModelUnavailable, Tokens, Usage

PROVIDER = "openai"
TRANSIENT = {"timeout", "connection", "cut", "rate_limited", "server_error", "malformed", "incomplete"}
OF_THE_SERVER = {"timeout", "connection", "cut", "rate_limited", "server_error", "quota"}
"""What says that the server, and not this one question, is in trouble."""
PERHAPS_PAID = {"timeout", "connection", "cut", "malformed"}
"""After these nobody knows whether the server worked, and charges: the budget keeps what was reserved."""


class Asked(Protocol):
    """What is asked of a model."""

    @property
    def model(self) -> str: ...

    def at_most(self) -> Tokens:
        """What it can cost, counted on the safe side."""


T = TypeVar("T")
Q = TypeVar("Q", bound=Asked)


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounds of one question. ``deadline_s`` is for all its tries together, waiting included."""

    deadline_s: float
    max_attempts: int
    limit_wait_s: float


class Unusable(ValueError):
    """A reply that came, and was paid for, but is not what was asked for."""


class Caller(Generic[Q]):
    """Asks a model and accounts for it. Every error is a `ModelUnavailable`.

    ``within`` bounds the time spent in it, by raising `TimeoutError` after so many seconds.
    """

    def __init__(
        self,
        send: Callable[[Q], Reply],
        *,
        prices: PriceList,
        buckets: TokenBuckets,
        budget: DailyBudget,
        breaker: CircuitBreaker,
        patience: Patience,
        within: Callable[[float], AbstractContextManager[object]],
    ) -> None:
        self._send = send
        self._prices = prices
        self._buckets = buckets
        self._budget = budget
        self._breaker = breaker
        self._patience = patience
        self._within = within

    def ask(self, question: Q, read: Callable[[Reply], T]) -> tuple[T, Usage]:
        """What `read` makes of the reply, and what all tries cost. `read` raises `Unusable`, which is tried again."""
        ledger = [Usage(question.model, 0, 0, 0, 0.0)]
        try:
            with self._within(self._patience.deadline_s):
                result = self._retrying()(lambda: self._once(question, read, ledger))
        except TimeoutError as error:
            metrics.CALLS.labels(PROVIDER, question.model, "deadline").inc()
            raise ModelUnavailable("timeout", "the time for all tries is over", _total(ledger)) from error
        except redis.RedisError as error:
            # What was spent and what is allowed is not known: fail closed.
            raise ModelUnavailable("limits_unknown", str(error), _total(ledger)) from error
        except ModelUnavailable as error:
            error.usage = _total(ledger)
            raise
        return result, _total(ledger)

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(self._patience.max_attempts),
            wait=self._pause,
            reraise=True,
        )

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = retry_after(error.__cause__) if error is not None else None
        if asked is not None and asked > self._patience.deadline_s:
            raise error or ModelUnavailable("rate_limited")  # not within our time: no use in waiting
        backoff: float = wait_random_exponential(multiplier=0.5, max=5)(state)
        return max(asked or 0.0, backoff)

    def _once(self, question: Q, read: Callable[[Reply], T], ledger: list[Usage]) -> T:
        if self._breaker.opened:
            metrics.CALLS.labels(PROVIDER, question.model, "breaker_open").inc()
            raise ModelUnavailable("breaker_open", f"for {self._breaker.open_remaining:.0f} s more")
        most = question.at_most()
        self._take_from_the_buckets(question.model, most)
        reserved = self._prices.won(question.model, most)
        receipt = self._budget.reserve(reserved)
        if receipt is None:
            metrics.CALLS.labels(PROVIDER, question.model, "budget_spent").inc()
            raise ModelUnavailable("budget_spent", f"today's {self._budget.won:g} won are spent")
        try:
            reply = self._timed(question)
        except ModelUnavailable as error:
            if error.reason not in PERHAPS_PAID:
                self._budget.settle(receipt, reserved, 0.0)
            raise
        usage = self._price(question, reply, most)
        ledger.append(usage)
        self._budget.settle(receipt, reserved, usage.won)
        return _believed(question, reply, read)

    def _take_from_the_buckets(self, model: str, most: Tokens) -> None:
        give_up = time.monotonic() + self._patience.limit_wait_s
        while wait := self._buckets.take(model, most.input + most.output):
            if time.monotonic() + wait > give_up:
                metrics.CALLS.labels(PROVIDER, model, "limited").inc()
                raise ModelUnavailable("limited", f"the next request may go in {wait:.1f} s")
            time.sleep(wait)

    def _timed(self, question: Q) -> Reply:
        began = time.monotonic()
        outcome = "cut_off"
        try:
            reply: Reply = self._breaker.call(self._send, question)
            outcome = reply.fault or "answered"
            return reply
        except ModelUnavailable as error:
            outcome = error.reason
            raise
        finally:
            metrics.CALLS.labels(PROVIDER, question.model, outcome).inc()
            metrics.SECONDS.labels(PROVIDER, question.model).observe(time.monotonic() - began)

    def _price(self, question: Q, reply: Reply, most: Tokens) -> Usage:
        tokens = reply.tokens or most  # a server that does not count is taken to have used all
        won = self._prices.won(question.model, tokens)
        for kind, number in (
            ("input", tokens.input - tokens.cached),
            ("cached", tokens.cached),
            ("output", tokens.output),
        ):
            metrics.TOKENS.labels(PROVIDER, question.model, kind).inc(number)
        metrics.WON.labels(PROVIDER, question.model).inc(won)
        return Usage(question.model, tokens.input, tokens.cached, tokens.output, won)


def breaker(failures: int, reset_s: float) -> CircuitBreaker:
    """Opens after so many failures of the server in a row, and lets a try through after `reset_s` seconds."""
    return CircuitBreaker(
        failure_threshold=failures,
        recovery_timeout=reset_s,
        expected_exception=lambda _, error: _of_the_server(error),
        name="openai",
    )


def _of_the_server(error: BaseException) -> bool:
    if isinstance(error, ModelUnavailable):
        return error.reason in OF_THE_SERVER
    return not isinstance(error, Exception)  # the deadline, which has cut the call off


def retry_after(error: BaseException | None) -> float | None:
    """Seconds that a 429 or 503 asks to wait; None where it does not say."""
    if not isinstance(error, openai.APIStatusError):
        return None
    headers = error.response.headers
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    return None


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, ModelUnavailable) and error.reason in TRANSIENT


def _believed(question: Asked, reply: Reply, read: Callable[[Reply], T]) -> T:
    if reply.fault is not None:
        raise ModelUnavailable(reply.fault, question.model)
    try:
        return read(reply)
    except Unusable as error:
        metrics.CALLS.labels(PROVIDER, question.model, "unusable").inc()
        raise ModelUnavailable("malformed", str(error)) from error


def _total(ledger: list[Usage]) -> Usage:
    return sum(ledger[1:], start=ledger[0])
