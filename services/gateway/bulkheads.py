"""Each domain has places of its own for the calls that go to it: one that hangs cannot take those of the others."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from eventlet.semaphore import Semaphore

from services.kernel.errors import Unavailable


class Bulkheads:
    """`places` calls at once for each domain; a call waits `wait_s` seconds for one, then is refused."""

    def __init__(self, domains: Iterable[str], places: int, wait_s: float) -> None:
        self._free = {domain: Semaphore(places) for domain in domains}
        self._wait_s = wait_s

    @contextmanager
    def place(self, domain: str) -> Iterator[None]:
        """Raises `Unavailable` ``domain_busy`` where none becomes free."""
        free = self._free[domain]
        if not free.acquire(timeout=self._wait_s):
            raise Unavailable("domain_busy", f"Too many requests for {domain} are under way. Try again shortly.")
        try:
            yield
        finally:
            free.release()
