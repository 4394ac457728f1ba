"""What every task does: wait ``BENCH_PAUSE_S`` seconds, then append its number to a file (the effect, at the end)."""

import os
import time
from functools import cache
from pathlib import Path

PAUSE_S = float(os.environ.get("BENCH_PAUSE_S", "0"))
FOLDER = Path(os.environ["BENCH_DIR"])
EXECUTED = FOLDER / "executed"
LINE = 8


def work(number: int) -> None:
    """The task. One write of eight bytes is one execution."""
    if PAUSE_S:
        time.sleep(PAUSE_S)
    os.write(_file(), b"%07d\n" % number)


def executions() -> int:
    """How many tasks have run to their end, counting repetitions."""
    return EXECUTED.stat().st_size // LINE if EXECUTED.exists() else 0


def numbers() -> list[int]:
    """What has run, in order."""
    return [int(line) for line in EXECUTED.read_text().split()] if EXECUTED.exists() else []


def forget() -> None:
    EXECUTED.unlink(missing_ok=True)


@cache
def _file() -> int:
    return os.open(EXECUTED, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
