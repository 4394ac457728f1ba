"""Ctrl-C (and SIGTERM): the first asks the run to stop at the next safe points, the second ends it at once."""

import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from provisioning.run.exit_codes import ExitCode
from provisioning.run.step import Stop

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_FIRST = "Stopping at the next safe point. Again to end at once; the run can be resumed either way.\n"
_SECOND = "Ended at once. What was done is in the journal: go on with --resume.\n"
_SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def interruptible(stop: Stop, end: Callable[[int], None] = os._exit) -> Iterator[None]:
    """While inside, signals stop the run. Every record is on the disk before anything follows from it, so that the
    second may end the process without a word to its threads.

    Elsewhere than in the main thread, where Python delivers no signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    signals = itertools.count(1)

    def on_signal(number: int, frame: FrameType | None) -> None:
        # The handler may interrupt anything, itself too: it counts in one step, and uses neither streams nor locks.
        if next(signals) == 1:
            stop.ask()
            _say(_FIRST)
            return
        _say((_SHOW_CURSOR if sys.stdout.isatty() else "") + _SECOND)
        end(int(ExitCode.INTERRUPTED))

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    try:
        os.write(2, text.encode())
    except OSError:
        # Nobody listens; the stop counts all the same.
        return
