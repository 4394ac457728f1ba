"""What Prometheus hears of models: each call and its price once, and never yesterday's sum or a breaker of before."""

import io
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from PIL import Image
from prometheus_client import REGISTRY, generate_latest

from services.kernel.openai import gauges
from services.kernel.openai.calls import breaker
from services.kernel.openai.limits import KOREA, DailyBudget
from services.kernel.openai.usage import ModelUnavailable
from tests.doubles.openai_server import Fault, OpenAIServer
from tests.workers.ai.remote.conftest import Far
from tests.workers.ai.remote.replies import says, sees, thing
from workers.ai.local.photo import PhotoUnreadable
from workers.ai.local.vision import LocalVision
from workers.ai.pipeline import Pipeline
from workers.ai.providers import Remote

Piped = Callable[[Remote | None], Pipeline]

VISION, ANSWERS = "gpt-5-mini", "gpt-4o-mini"
OPENAI = {"provider": "openai", "model": VISION}
LOCAL = {"provider": "local", "model": "efficientnet-lite0"}


def value(name: str, **labels: str) -> float:
    """What this process tells Prometheus; 0 where it has no such series."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def grown(name: str, **labels: str) -> Callable[[], float]:
    """By how much it has grown since."""
    before = value(name, **labels)
    return lambda: value(name, **labels) - before


# Calls


def test_the_local_models_calls_are_counted_and_cost_nothing(pipeline: Piped, photo: bytes) -> None:
    answered, timed = (
        grown("eco2_ai_calls_total", **LOCAL, outcome="answered"),
        grown("eco2_ai_call_seconds_count", **LOCAL),
    )

    pipeline(None).see(photo)

    assert (answered(), timed()) == (1, 1)
    assert REGISTRY.get_sample_value("eco2_ai_cost_won_total", LOCAL) is None
    assert b'eco2_ai_tokens_total{kind="input",model="efficientnet-lite0"' not in generate_latest()


def test_what_is_no_photo_is_told_from_a_model_that_failed(local: LocalVision) -> None:
    unreadable = grown("eco2_ai_calls_total", **LOCAL, outcome="unreadable")

    with pytest.raises(PhotoUnreadable):
        local.recognise(b"no photo")

    assert unreadable() == 1


def test_a_paid_call_is_counted_with_its_tokens_and_its_price(server: OpenAIServer, far: Far, photo: bytes) -> None:
    sees(server, thing())
    answered, timed = (
        grown("eco2_ai_calls_total", **OPENAI, outcome="answered"),
        grown("eco2_ai_call_seconds_count", **OPENAI),
    )
    tokens, won = grown("eco2_ai_tokens_total", **OPENAI, kind="output"), grown("eco2_ai_cost_won_total", **OPENAI)

    usage = far().vision.recognise(photo).usage

    assert usage is not None
    assert (answered(), timed(), tokens()) == (1, 1, usage.output)
    assert won() == pytest.approx(usage.won)


def test_a_scan_that_falls_back_counts_both_models(
    server: OpenAIServer, far: Far, pipeline: Piped, photo: bytes
) -> None:
    server.fail(Fault.server_error(500), times=1)
    failed, answered = (
        grown("eco2_ai_calls_total", **OPENAI, outcome="server_error"),
        grown("eco2_ai_calls_total", **LOCAL, outcome="answered"),
    )
    degraded = grown("eco2_ai_degraded_total", stage="vision", reason="server_error")

    pipeline(far(max_attempts=1)).see(photo)

    assert (failed(), answered(), degraded()) == (1, 1, 1)


def test_whatever_a_server_says_the_outcomes_are_words_of_ours(server: OpenAIServer, far: Far, photo: bytes) -> None:
    ours = {"answered", "refused", "server_error", "malformed", "incomplete", "unusable", "timeout"}
    ours |= {"connection", "cut", "rate_limited", "quota", "rejected", "breaker_open", "budget_spent", "limited"}
    ours |= {"deadline", "cut_off", "unreadable", "failed"}
    faults = [Fault.output_malformed(), Fault.output_wrong_types(), Fault.refusal(), Fault.not_a_response()]
    for fault in (*faults, Fault.server_error(599), Fault.response_failed(), Fault.insufficient_quota()):
        server.fail(fault, times=1)

    for _ in range(7):
        try:
            far(max_attempts=1).vision.recognise(photo)
        except ModelUnavailable:
            continue

    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    calls = [sample.labels for sample in samples if sample.name == "eco2_ai_calls_total"]
    assert {labels["outcome"] for labels in calls} <= ours
    assert {(labels["provider"], labels["model"]) for labels in calls} <= {
        ("openai", VISION), ("openai", ANSWERS), ("openai", "m"), ("local", LOCAL["model"])
    }  # fmt: skip


# The budget


def test_what_was_spent_today_is_known_at_the_start(far: Far, memory_server: redis.Redis) -> None:
    DailyBudget(memory_server, 100).reserve(12.5)

    far(daily_budget_won=100)

    assert value("eco2_ai_spent_today_won") == 12.5
    assert value("eco2_ai_budget_won") == 100


def test_what_others_spend_shows_without_a_call_of_our_own(far: Far, memory_server: redis.Redis) -> None:
    far(daily_budget_won=100)
    assert value("eco2_ai_spent_today_won") == 0

    DailyBudget(memory_server, 100).reserve(7)

    assert value("eco2_ai_spent_today_won") == 7


def test_at_midnight_in_korea_nothing_is_spent_yet(memory_server: redis.Redis) -> None:
    moment = [datetime(2026, 3, 1, 23, 59, tzinfo=KOREA)]
    budget = DailyBudget(memory_server, 100, lambda: moment[0])
    gauges.watch(budget, breaker(1, 1), (), lambda _: nullcontext())
    budget.reserve(30)
    assert value("eco2_ai_spent_today_won") == 30

    moment[0] += timedelta(minutes=2)

    assert value("eco2_ai_spent_today_won") == 0


def test_without_redis_the_sum_is_the_last_known_of_today_or_unknown(memory_server: redis.Redis) -> None:
    moment = [datetime(2026, 3, 1, 23, 59, tzinfo=KOREA)]
    budget = DailyBudget(memory_server, 100, lambda: moment[0])
    gauges.watch(budget, breaker(1, 1), (), lambda _: nullcontext())
    budget.reserve(30)
    assert value("eco2_ai_spent_today_won") == 30

    budget.client = redis.Redis(port=9, socket_connect_timeout=0.2)

    assert value("eco2_ai_spent_today_won") == 30
    moment[0] += timedelta(minutes=2)
    assert math.isnan(value("eco2_ai_spent_today_won"))
    assert b"eco2_ai_budget_won" in generate_latest()


# The breaker


def test_a_breaker_is_open_to_all_models_behind_it_and_closes_without_a_call(
    server: OpenAIServer, far: Far, photo: bytes
) -> None:
    server.fail(Fault.server_error(500), times=2)
    vision = far(breaker_failures=2, breaker_reset_s=1, max_attempts=1).vision
    opened: list[Any] = [value("eco2_ai_breaker_open", model=model) for model in (VISION, ANSWERS)]

    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            vision.recognise(photo)

    opened += [value("eco2_ai_breaker_open", model=model) for model in (VISION, ANSWERS)]
    assert opened == [0, 0, 1, 1]
    time.sleep(1.1)
    assert value("eco2_ai_breaker_open", model=VISION) == 0


# What was seen and worded before


def test_a_photo_and_an_answer_that_were_there_before_are_hits(server: OpenAIServer, far: Far, pipeline: Piped) -> None:
    sees(server, thing(situations=["dirty"]))
    says(server, "general", "피자 박스는 일반 종량제봉투에 담아 버려요.")
    kinds = [
        grown("eco2_cache_requests_total", cache=cache, outcome=outcome)
        for cache in ("ai_photos", "ai_answers")
        for outcome in ("miss", "hit")
    ]
    piped = pipeline(far())
    image = io.BytesIO()
    Image.effect_mandelbrot((400, 300), (-2, -1.5, 1, 1.5), 60).convert("RGB").save(image, "JPEG")

    for _ in range(3):
        piped.answer(piped.see(image.getvalue()), "ko")

    assert [kind() for kind in kinds] == [1, 2, 1, 2]
