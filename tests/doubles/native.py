"""Threads of the operating system, also where eventlet has patched the standard library.

A test process may be patched, as the services and workers are. A double must not be a greenlet there: a test that
blocks the hub would stop the double too.
"""

import importlib
import sys
from collections.abc import Callable
from typing import Any


def original(name: str) -> Any:
    """The standard library's module `name` as it was before eventlet patched it."""
    patcher = sys.modules.get("eventlet.patcher")
    return patcher.original(name) if patcher else importlib.import_module(name)


def start_thread(target: Callable[[], None], name: str) -> Any:
    """Start a daemon thread of the operating system and return it."""
    thread = original("threading").Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
