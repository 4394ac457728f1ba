"""The packages of one host, its repositories' lists, and Debian's order of versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cmp_to_key

from tests.doubles.hosts import catalogue


@dataclass
class Packages:
    installed: dict[str, str] = field(
        default_factory=lambda: {name: catalogue.ubuntu().packages[name][0] for name in catalogue.PREINSTALLED}
    )
    holds: set[str] = field(default_factory=set)
    # The lists that ``apt-get update`` has fetched: a source's line -> its repository.
    lists: dict[str, catalogue.Repository] = field(default_factory=dict)
    # Was the last ``apt-get update`` after the last change of the sources?
    sources_seen: str = ""

    def versions(self, name: str) -> list[str]:
        """What the fetched lists offer, newest last; with what is installed."""
        offered = {version for repository in self.lists.values() for version in repository.packages.get(name, ())}
        return sorted(offered, key=cmp_to_key(compare))


def compare(left: str, right: str) -> int:
    """Debian's order: -1, 0 or 1. https://www.debian.org/doc/debian-policy/ch-controlfields.html#version"""
    for one, other in zip(_parts(left), _parts(right), strict=True):
        if order := _compare_part(one, other):
            return order
    return 0


def _parts(version: str) -> tuple[str, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-")
    return (epoch, upstream, revision) if upstream else (epoch, rest, "0")


def _compare_part(left: str, right: str) -> int:
    while left or right:
        here, left = _split(left, digits=False)
        there, right = _split(right, digits=False)
        for index in range(max(len(here), len(there))):
            order = _weight(here, index) - _weight(there, index)
            if order:
                return 1 if order > 0 else -1
        here, left = _split(left, digits=True)
        there, right = _split(right, digits=True)
        difference = int(here or 0) - int(there or 0)
        if difference:
            return 1 if difference > 0 else -1
    return 0


def _split(text: str, *, digits: bool) -> tuple[str, str]:
    end = next((index for index, letter in enumerate(text) if letter.isdigit() != digits), len(text))
    return text[:end], text[end:]


def _weight(text: str, index: int) -> int:
    """~ sorts before the end, the end before letters, letters before all else."""
    if index >= len(text):
        return 0
    letter = text[index]
    return -1 if letter == "~" else ord(letter) if letter.isalpha() else ord(letter) + 256
