"""``docs/troubleshooting.md``: one entry for each error code, made from the error types themselves.

python -m provisioning.troubleshooting docs/troubleshooting.md
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import provisioning
from provisioning.run import ErrorClass, ExitCode, Phase, RunError

_T = TypeVar("_T")

# Modules that are programs of their own, and what is not about a cluster.
_APART = ("provisioning.local", "provisioning.cluster.__main__", "provisioning.terraform.modules")

_HEAD = """\
# Troubleshooting

What a run, a check or a command of the cluster can end with: one entry for each error code, in alphabetical order.
The code stands at the end of an error's first line, in brackets, and in `--json` as `code`. Most runs go on with the
command that a failure prints last; nothing that was done is done twice.

This page is made from the error types in the program (`./inv cluster.troubleshooting` writes it); a test keeps the two
the same.

## Exit codes

| exit code | means |
| --- | --- |
"""


@dataclass(frozen=True)
class Entry:
    """One code: what is seen, why it comes, what to do, and what the program ends with."""

    code: str
    symptom: str
    cause: str
    remedy: str
    exit_code: ExitCode
    transient: bool

    def text(self) -> str:
        lines = [f"### {self.code}", "", f"**Symptom:** {self.symptom}", ""]
        if self.cause:
            lines += [f"**Likely cause:** {self.cause}", ""]
        if self.remedy:
            lines += [f"**What to do:** {self.remedy}", ""]
        again = " It is tried again by itself, with waits in between, before it counts." if self.transient else ""
        lines += [f"Exit code {int(self.exit_code)} ({_word(self.exit_code)}).{again}", ""]
        return "\n".join(lines)


def entries() -> list[Entry]:
    """Every code that the program can end with, each once, sorted."""
    _import_all()
    found = {entry.code: entry for entry in (*_of_types(), *_of_phases())}
    return [found[code] for code in sorted(found)]


def document() -> str:
    codes = "".join(f"| {int(code)} | {_word(code)} |\n" for code in ExitCode)
    return _HEAD + codes + "\n## Error codes\n\n" + "\n".join(entry.text() for entry in entries())


def _import_all() -> None:
    for module in pkgutil.walk_packages(provisioning.__path__, "provisioning."):
        if not module.name.startswith(_APART) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _of_types() -> Iterator[Entry]:
    for kind in _descendants(RunError):
        # The error of the engine itself, and bases that only carry what several have in common, are never raised.
        if kind.__module__.startswith("provisioning.") and "code" in vars(kind):
            yield Entry(kind.code, _symptom(kind), kind.cause, kind.remedy, kind.exit_code, kind.transient)


def _of_phases() -> Iterator[Entry]:
    for phase in _descendants(Phase):  # type: ignore[type-abstract]
        errors: tuple[ErrorClass, ...] = tuple(phase.errors)
        if phase.__module__.startswith("provisioning."):
            for each in errors:
                symptom = f"{phase.title}: {_symptom(each.error)}"
                yield Entry(each.code, symptom, each.cause, each.remedy, each.exit_code, each.transient)


def _descendants(kind: type[_T]) -> Iterator[type[_T]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def _symptom(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or "").split())


def _word(code: ExitCode) -> str:
    return code.name.lower().replace("_", " ")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document())
