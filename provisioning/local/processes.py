"""Which processes belong to a home, what memory they hold, and how the last of them are ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from provisioning.local.home import Home
from provisioning.local.launch import start_time


@dataclass(frozen=True)
class Memory:
    """Bytes. PSS counts a page shared by n processes as 1/n in each: the parts' figures add up to the truth."""

    pss: int = 0
    rss: int = 0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.pss + other.pss, self.rss + other.rss)


def members(home: Home) -> list[psutil.Process]:
    """All living processes of the home: the recorded ones, their descendants, and whatever carries its mark.

    ``up`` gives supervisord ``ECO2_STACK=<home>`` and every child inherits it. A record counts only while the process
    with that pid still has the recorded start time, so that a reused pid is never taken for ours.
    """
    found: dict[int, psutil.Process] = {}
    for pid in {*_recorded(home), *_marked(home)}:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for one in (process, *process.children(recursive=True)):
                if one.status() != psutil.STATUS_ZOMBIE:
                    found[one.pid] = one
    found.pop(os.getpid(), None)
    return list(found.values())


def end(processes: Iterable[psutil.Process], timeout_s: float = 10) -> list[psutil.Process]:
    """SIGTERM, then SIGKILL for those that are left half the time later; returns what still lives."""
    living = list(processes)
    for verb in ("terminate", "kill"):
        for process in living:
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(process, verb)()
        _, living = psutil.wait_procs(living, timeout=timeout_s / 2)
    return living


def memory_of_tree(pid: int, *, children: bool = True) -> Memory:
    """Memory of a process with its descendants; zero for one that is gone."""
    total = Memory()
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *(process.children(recursive=True) if children else ())):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                info = one.memory_full_info()
                total += Memory(info.pss, info.rss)
    return total


def _recorded(home: Home) -> Iterator[int]:
    """Pids from ``run/*.pid``: launch.py's carry the start time, supervisord's is checked by its command line."""
    for path in home.run.glob("*.pid"):
        with contextlib.suppress(OSError, ValueError):
            pid, *started = (int(word) for word in path.read_text().split())
            if started == [start_time(pid)] or (not started and _is_supervisord(pid, home)):
                yield pid


def _is_supervisord(pid: int, home: Home) -> bool:
    return b"supervisord" in Path(f"/proc/{pid}/cmdline").read_bytes() and _carries_mark(pid, home)


def _marked(home: Home) -> Iterator[int]:
    for pid in psutil.pids():
        with contextlib.suppress(OSError):
            if _carries_mark(pid, home):
                yield pid


def _carries_mark(pid: int, home: Home) -> bool:
    return f"ECO2_STACK={home.path}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
