"""Makes the standard library yield to eventlet. To be imported before anything else of the process.

(Peewee imported before the patching would share one connection between all greenlets.) Names are looked
up by the C library in a native thread: eventlet's own resolver costs 20 MB a process and knows neither
nsswitch nor its caches.
"""

# ruff: noqa: E402
import os

os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
os.environ.setdefault("EVENTLET_THREADPOOL_SIZE", "4")

import eventlet
import prometheus_client  # noqa: F401  (its locks, held for a few instructions, need not be eventlet's slow ones)

eventlet.monkey_patch()

import socket
from typing import Any

from eventlet import tpool

_look_up = socket.getaddrinfo


def _getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    # An address in digits needs no resolver, and so no thread.
    if host is None or str(host).replace(".", "").replace(":", "").isdigit():
        return _look_up(host, *arguments, **options)
    return tpool.execute(_look_up, host, *arguments, **options)


socket.getaddrinfo = _getaddrinfo
