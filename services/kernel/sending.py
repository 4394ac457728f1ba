"""When a message was sent travels with it, so that who begins on it knows how long it has waited.

A header of every call and every event; milliseconds since the epoch, by the sender's clock. It says when this message
was sent, so it is not part of the context that a call hands on, and an event that is tried again does not carry it:
the pause before another try is meant.
"""

import math
import time
from typing import Any

from nameko.amqp.publish import Publisher
from nameko.events import EventDispatcher

from wal.amqp.timing import SENT


def stamp() -> dict[str, int]:
    """The header of a message that is sent now."""
    return {SENT: round(time.time() * 1000)}


def waited_s(sent_ms: object) -> float | None:
    """Seconds since the time that a message's header says; None where it says none.

    Never below 0, should the sender's clock be ahead of ours.
    """
    if not isinstance(sent_ms, int | float) or not math.isfinite(sent_ms):
        return None
    return max(0.0, time.time() - sent_ms / 1000)


class StampedPublisher(Publisher):
    """Nameko's, with the time of sending: a dispatcher copies its headers when its call begins, not when it sends."""

    def publish(self, payload: Any, **options: Any) -> None:
        headers = {**options.pop("extra_headers", {}), **stamp()}
        super().publish(payload, extra_headers=headers, **options)


# Nameko's own hook, set once for all dispatchers of the process, whoever declares them.
EventDispatcher.publisher_cls = StampedPublisher
