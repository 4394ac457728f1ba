"""How long each call of a service took, how long its message had waited, and how many of its greenlets are at work."""

import logging
import time
from functools import cache
from typing import Any

from nameko.events import EventHandler
from nameko.extensions import DependencyProvider
from nameko.rpc import Rpc
from nameko.timer import Timer
from nameko.web.handlers import HttpRequestHandler
from prometheus_client import Gauge, Histogram

from services.kernel.sending import waited_s

log = logging.getLogger(__name__)

CALLS = Histogram(
    "eco2_call_seconds",
    "Time to answer an RPC, an event, a timer, an HTTP request or a task; outcome: ok, or the error's class",
    ["service", "method", "kind", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUEUED = Histogram(
    "eco2_call_queue_seconds",
    "Time from a message's being sent to its being begun, for the first try of an event",
    ["service", "kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
BUSY = Gauge("eco2_workers_busy", "Calls that the service works on now", ["service"])
LIMIT = Gauge("eco2_workers_limit", "As many it works on at once (the setting max_workers)", ["service"])

KINDS: dict[type, str] = {Rpc: "rpc", EventHandler: "event", Timer: "timer", HttpRequestHandler: "http"}
OFTEN = ("rpc", "timer", "http")  # what is called too often for a line each; events and tasks get one


class Calls(DependencyProvider):
    """Times every call of the service."""

    def __init__(self) -> None:
        self.started: dict[Any, float] = {}

    def setup(self) -> None:
        name = self.container.service_name
        BUSY.labels(name).set_function(self.container._worker_pool.running)
        LIMIT.labels(name).set(self.container.max_workers)

    def worker_setup(self, worker_ctx: Any) -> None:
        self.started[worker_ctx] = time.monotonic()
        waited = waited_s(getattr(worker_ctx.data, "sent_ms", None))  # of a service that is traced
        if waited is not None:
            _queued(worker_ctx.service_name, _kind(worker_ctx.entrypoint)).observe(waited)

    def worker_result(self, worker_ctx: Any, result: Any = None, exc_info: Any = None) -> None:
        elapsed = time.monotonic() - self.started.pop(worker_ctx, time.monotonic())
        outcome = "ok" if exc_info is None else exc_info[0].__name__
        entrypoint = worker_ctx.entrypoint
        kind = _kind(entrypoint)
        _calls(worker_ctx.service_name, entrypoint.method_name, kind, outcome).observe(elapsed)
        if kind not in OFTEN:
            log.info("%s: %s in %.1f ms", entrypoint.method_name, outcome, elapsed * 1000)


def _kind(entrypoint: Any) -> str:
    """rpc, event, timer or http; what else there is are the workers' tasks."""
    return next((kind for base, kind in KINDS.items() if isinstance(entrypoint, base)), "task")


# To look a series up costs more than to count.
@cache
def _calls(service: str, method: str, kind: str, outcome: str) -> Any:
    return CALLS.labels(service, method, kind, outcome)


@cache
def _queued(service: str, kind: str) -> Any:
    return QUEUED.labels(service, kind)
