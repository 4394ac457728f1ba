"""``logs``: the end of one program's log, or of all of them, and what follows."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text

from provisioning.local.errors import LocalError
from provisioning.local.home import Home
from provisioning.local.parts import tail


def logs(
    name: str | None = None,
    follow: bool = False,
    lines: int = 50,
    *,
    home: Path | None = None,
    console: Console | None = None,
) -> None:
    """Prints the last ``lines`` of ``name``'s log, of every log when it is None; goes on until Ctrl-C with ``follow``.

    Raises LocalError when there is no such log, naming those there are.
    """
    place = Home.open(home)
    console = console or Console()
    known = sorted(path.stem for path in place.log.glob("*.log"))
    names = [name] if name else known
    if not set(names) <= set(known):
        raise LocalError(f"There is no log of {name}. There are: {', '.join(known) or 'none yet'}.")
    for each in names:
        for line in tail(place.log_file(each), lines):
            _print(console, each if name is None else "", line)
    if follow:
        try:
            _follow(place, names, prefixed=name is None, console=console)
        except KeyboardInterrupt:
            return


def _follow(home: Home, names: list[str], *, prefixed: bool, console: Console) -> None:
    """Prints new lines of the files for ever; opens a file anew after supervisord has rotated it."""
    files: dict[str, TextIO] = {}
    for name in names:
        files[name] = home.log_file(name).open(encoding="utf-8", errors="replace")
        files[name].seek(0, os.SEEK_END)
    while True:
        quiet = True
        for name in names:
            for line in files[name].readlines():
                quiet = False
                _print(console, name if prefixed else "", line.rstrip("\n"))
            path = home.log_file(name)
            if path.exists() and not os.path.samestat(path.stat(), os.fstat(files[name].fileno())):
                files[name].close()
                files[name] = path.open(encoding="utf-8", errors="replace")
        if quiet:
            time.sleep(0.2)


def _print(console: Console, prefix: str, line: str) -> None:
    text = Text(f"{prefix:<17} ", "cyan") if prefix else Text()
    console.print(text.append(line, "none"), soft_wrap=True)
