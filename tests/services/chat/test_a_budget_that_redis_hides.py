"""A Redis that hangs must not keep Prometheus from all that a process has to tell."""

import math
import socket
import time
from typing import Any

import eventlet
from prometheus_client import REGISTRY, generate_latest
from pydantic import RedisDsn

from services.kernel import cache
from services.kernel.openai import gauges
from services.kernel.openai.calls import breaker
from services.kernel.openai.limits import DailyBudget
from services.kernel.openai.within import within


def test_the_metrics_wait_half_a_second_for_a_redis_that_is_silent(stack: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = RedisDsn(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        client = cache.client(stack.config.model_copy(update={"redis_url": url, "redis_timeout_s": 10}))
        gauges.watch(DailyBudget(client, 100), breaker(1, 1), (), within)
        ticks: list[float] = []
        ticking = eventlet.spawn(lambda: [ticks.append(eventlet.sleep(0.05) or time.monotonic()) for _ in range(100)])
        began = time.monotonic()

        told = generate_latest()

        took = time.monotonic() - began
        ticking.kill()
        assert gauges.READ_S <= took < gauges.READ_S + 1.5
        assert len(ticks) > 2, "others go on meanwhile"
        assert b"eco2_ai_budget_won 100.0" in told
        assert math.isnan(REGISTRY.get_sample_value("eco2_ai_spent_today_won") or 0)
