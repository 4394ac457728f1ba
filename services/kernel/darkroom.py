"""Photos are decoded in native threads, a few at once, and never more than fit into the memory that is theirs."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import eventlet
from eventlet import tpool
from eventlet.event import Event
from eventlet.semaphore import Semaphore
from nameko.extensions import DependencyProvider
from prometheus_client import Gauge

from services.kernel.allocator import return_large_blocks
from services.kernel.config import Images
from services.kernel.errors import Unavailable
from services.kernel.photos import Photo, examine
from services.kernel.settings import config_of

HELD = Gauge("eco2_photo_memory_bytes", "Memory that is set aside for the photos that are being decoded")
LIMIT = Gauge("eco2_photo_memory_limit_bytes", "As much may be set aside at once")


class Memory:
    """So many bytes, of which callers hold shares; served in turn, so that a large one is not starved."""

    def __init__(self, total_bytes: int) -> None:
        self._free = total_bytes
        self._waiting: deque[tuple[int, Event]] = deque()

    @contextmanager
    def share(self, size: int, wait_s: float) -> Iterator[None]:
        """Raises `Unavailable` ``photos_busy`` where the share, no more than the total, is not free in time."""
        asked = (size, Event())
        self._waiting.append(asked)
        self._serve()
        try:
            if not asked[1].ready():
                asked[1].wait(timeout=wait_s)
            if not asked[1].ready():
                raise busy()
            yield
        finally:
            if asked[1].ready():
                self._free += size
                HELD.dec(size)
            else:
                self._waiting.remove(asked)
            self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, served = self._waiting.popleft()
            self._free -= size
            HELD.inc(size)
            served.send()


class Darkroom:
    """Makes photos of uploads for a whole process, within `limits` and, for each, `wait_s` seconds of waiting."""

    def __init__(self, limits: Images, wait_s: float) -> None:
        return_large_blocks()
        self._limits = limits
        self._wait_s = wait_s
        self._places = Semaphore(limits.decode_at_once)
        self._memory = Memory(limits.decode_bytes)
        LIMIT.set(limits.decode_bytes)

    def prepare(self, read: Callable[[], bytes], declared_type: str | None, square_px: int | None = None) -> Photo:
        """As `services.kernel.photos.prepare`; the upload is read once its turn has come.

        Raises what that and `read` raise, and `Unavailable` ``photos_busy``.
        """
        # In a greenlet of its own: a caller that is cut off leaves its native thread behind, and the memory is free
        # when that has ended, not before.
        photo: Photo = eventlet.spawn(self._prepare, read, declared_type, square_px).wait()
        return photo

    def _prepare(self, read: Callable[[], bytes], declared_type: str | None, square_px: int | None) -> Photo:
        latest = time.monotonic() + self._wait_s
        if not self._places.acquire(timeout=self._wait_s):
            raise busy()
        try:
            negative = tpool.execute(examine, read(), declared_type, self._limits, square_px)
            with self._memory.share(negative.memory_bytes, max(0.0, latest - time.monotonic())):
                photo: Photo = tpool.execute(negative.develop)
            return photo
        finally:
            self._places.release()


def busy() -> Unavailable:
    return Unavailable("photos_busy", "Too many photos are being prepared. Try again shortly.")


class Photos(DependencyProvider):
    """Gives a service the process's `Darkroom`; `wait_s` in place of the setting ``images.decode_wait_s``."""

    def __init__(self, wait_s: float | None = None) -> None:
        self.wait_s = wait_s

    def setup(self) -> None:
        limits = config_of(self.container).images
        self.darkroom = Darkroom(limits, limits.decode_wait_s if self.wait_s is None else self.wait_s)

    def get_dependency(self, worker_ctx: object) -> Darkroom:
        return self.darkroom
