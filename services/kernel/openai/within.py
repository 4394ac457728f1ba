"""A bound in time for what a greenlet does."""

from collections.abc import Iterator
from contextlib import contextmanager

import eventlet


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises `TimeoutError` here after so many seconds.

    Not from within, where it would be taken for that of a socket, and tried again without an end.
    """
    limit = eventlet.Timeout(seconds)
    try:
        yield
    except eventlet.Timeout as expired:
        if expired is not limit:
            raise
        raise TimeoutError(f"longer than {seconds:g} s") from None
    finally:
        limit.cancel()
