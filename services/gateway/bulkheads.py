"""Each domain has places of its own for the calls that go to it: one that hangs cannot take those of the others."""

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

from eventlet.semaphore import Semaphore
from prometheus_client import Gauge, Histogram

from services.kernel.errors import Unavailable

IN_USE = Gauge("eco2_gateway_places_in_use", "Calls to a domain that are under way", ["domain"])
LIMIT = Gauge("eco2_gateway_places_limit", "As many calls to a domain may be under way at once", ["domain"])
WAIT = Histogram(
    "eco2_gateway_place_wait_seconds",
    "Time that a call waited for a place at its domain, in vain or not",
    ["domain"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


class Places:
    """The `places` of one domain, each for one call at once."""

    def __init__(self, domain: str, places: int) -> None:
        self._domain = domain
        self._free = Semaphore(places)
        self._wait = WAIT.labels(domain)
        IN_USE.labels(domain).set_function(lambda: places - self._free.counter)
        LIMIT.labels(domain).set(places)

    @contextmanager
    def one(self, wait_s: float) -> Iterator[None]:
        """Raises `Unavailable` ``domain_busy`` where none becomes free in time."""
        began = time.monotonic()
        taken = self._free.acquire(timeout=wait_s)
        self._wait.observe(time.monotonic() - began)
        if not taken:
            raise Unavailable("domain_busy", f"Too many requests for {self._domain} are under way. Try again shortly.")
        try:
            yield
        finally:
            self._free.release()


class Bulkheads:
    """`places` calls at once for each domain; a call waits `wait_s` seconds for one, then is refused."""

    def __init__(self, domains: Iterable[str], places: int, wait_s: float) -> None:
        self._places = {domain: Places(domain, places) for domain in domains}
        self._wait_s = wait_s

    def place(self, domain: str) -> AbstractContextManager[None]:
        """Raises `Unavailable` ``domain_busy`` where none becomes free."""
        return self._places[domain].one(self._wait_s)
