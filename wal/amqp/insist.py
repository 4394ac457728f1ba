"""Waiting for a part that is away, where going on without it would lose something."""

import logging
from collections.abc import Callable
from typing import TypeVar

import eventlet
from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError

from wal.errors import JournalUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

OUTAGE = (OperationalError, AMQPError, OSError, JournalUnavailable)
"""RabbitMQ or the journal's disk is away."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0


def insist(act: Callable[[], T]) -> T:
    """What `act` returns, once neither RabbitMQ nor the disk keeps it from succeeding.

    Meanwhile the caller's message stays unacknowledged and its place taken, so the worker takes no more
    than its prefetch and then stops consuming; `/ready` says why.
    """
    pause = FIRST_PAUSE_S
    while True:
        try:
            return act()
        except OUTAGE as error:
            log.warning("trying again in %.1f s: %s: %s", pause, type(error).__name__, error)
            eventlet.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
