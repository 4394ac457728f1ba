"""Small programs that a test runs in a process of their own: to be killed, limited, or made green."""

import subprocess
import sys
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tests.stack import ROOT


def start(source: str, *arguments: object, under: Sequence[str] = (), **options: Any) -> "subprocess.Popen[str]":
    """Start `source` as a Python program, `under` another one if told; its output is piped."""
    command = [*under, sys.executable, "-W", "ignore", "-c", textwrap.dedent(source), *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    )


def run(source: str, *arguments: object, under: Sequence[str] = (), within_s: float = 60) -> str:
    """Run `source` as a Python program. Returns what it printed, and fails with its last words."""
    program = start(source, *arguments, under=under)
    try:
        out, err = program.communicate(timeout=within_s)
    finally:
        stop(program)
    assert program.returncode == 0, f"{out}\n{err}"
    return out


def stop(program: "subprocess.Popen[str]") -> None:
    """End a program that may have ended already."""
    with suppress(ProcessLookupError):
        program.kill()
    program.wait()
