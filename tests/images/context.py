"""What a build is given: the files that .dockerignore lets through, by the rules of Docker's own matcher.

https://docs.docker.com/build/concepts/context/#dockerignore-files: patterns are of the context's root, ``**`` stands
for any number of folders, ``!`` takes back, the last line that fits decides, and what is below a folder that fits fits
too.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path


def given(root: Path) -> list[str]:
    """Every file of the context, relative to it."""
    rules = list(_rules((root / ".dockerignore").read_text("utf-8")))
    return sorted(path for path in _files(root) if not _ignored(path, rules))


def _files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        # No rule takes anything back from these, and they are large.
        folders[:] = [name for name in folders if name not in (".git", ".venv", ".eco2", "node_modules")]
        for name in names:
            yield (Path(folder) / name).relative_to(root).as_posix()


def _rules(text: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    for line in text.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        taken_back = pattern.startswith("!")
        yield re.compile(_expression(pattern.removeprefix("!").strip("/"))), not taken_back


def _expression(pattern: str) -> str:
    text, rest = "", pattern
    while rest:
        if rest.startswith("**/"):
            text, rest = text + "(?:.*/)?", rest[3:]
        elif rest.startswith("**"):
            text, rest = text + ".*", rest[2:]
        elif rest[0] == "*":
            text, rest = text + "[^/]*", rest[1:]
        elif rest[0] == "?":
            text, rest = text + "[^/]", rest[1:]
        elif rest[0] == "[":
            end = rest.index("]") + 1
            text, rest = text + rest[:end], rest[end:]
        else:
            text, rest = text + re.escape(rest[0]), rest[1:]
    return f"{text}(?:/.*)?"


def _ignored(path: str, rules: list[tuple[re.Pattern[str], bool]]) -> bool:
    ignored = False
    for pattern, ignores in rules:
        if pattern.fullmatch(path):
            ignored = ignores
    return ignored
