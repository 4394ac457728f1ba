"""What a deploy has done, release by release, for people and for scripts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provisioning.kubernetes.rollout import Ensured
from provisioning.run import Screen

_HEAD = ("release", "", "revision", "chart", "image", "seconds")


def tell(screen: Screen, results: Sequence[Ensured], *, as_json: bool) -> None:
    """A table, or one more JSON line: ``{"kind": "releases", "releases": [...]}``."""
    if not results:
        return
    if as_json:
        json_line(screen, {"kind": "releases", "releases": [each.as_dict() for each in results]})
    else:
        screen.say(lines(results))


def lines(results: Sequence[Ensured]) -> Iterator[str]:
    rows = [_HEAD, *(_row(each) for each in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def json_line(screen: Screen, value: Mapping[str, Any]) -> None:
    """One line among a run's events on standard output."""
    with contextlib.suppress(BrokenPipeError):
        screen.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        screen.stdout.flush()


def _row(each: Ensured) -> tuple[str, ...]:
    revision = f"{each.before or '-'} -> {each.after or '-'}" if each.before != each.after else f"{each.after or '-'}"
    took = f"{each.seconds:.1f}" if each.seconds else ""
    return each.name, each.outcome.value, revision, each.chart, each.tag or "-", took
