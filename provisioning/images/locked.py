"""The part of a lock file that an image needs: ``python locked.py LOCK NAMES`` prints it. Standard library only.

The Dockerfile runs it, so that versions and hashes stand in ``requirements.lock`` alone. A name that the lock file does
not have is an error: an image never takes what was not locked.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==\S+")


class NotLocked(Exception):
    """Names that the lock file does not have."""


def canonical(name: str) -> str:
    """``Foo.Bar_x`` is ``foo-bar-x``: https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(text: str) -> list[str]:
    """The names of a list, one a line; what follows a # is for people."""
    words = (line.partition("#")[0].strip() for line in text.splitlines())
    return [canonical(word) for word in words if word]


def entries(lock: str) -> dict[str, str]:
    """Name -> its entry: the pinned version and its hashes, as pip reads them."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lock.splitlines():
        if pinned := _PINNED.match(line):
            current = found[canonical(pinned[1])] = []
        elif not line.startswith(" "):  # a comment or an option belongs to nobody
            current = []
        current.append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def subset(lock: str, names: Iterable[str]) -> str:
    """The entries of these names, in the lock file's order. Raises `NotLocked`."""
    wanted, there = set(names), entries(lock)
    if missing := sorted(wanted - set(there)):
        raise NotLocked(", ".join(missing))
    return "".join(f"{entry}\n" for name, entry in there.items() if name in wanted)


def main(lock: str, names: str) -> int:
    try:
        sys.stdout.write(subset(Path(lock).read_text("utf-8"), names_of(Path(names).read_text("utf-8"))))
    except NotLocked as missing:
        print(f"{lock} does not have what {names} asks for: {missing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
