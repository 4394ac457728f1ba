"""The product's Dockerfile as data, and its stages built in a folder of this machine, without Docker."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.images.context import given

ROOT = Path(__file__).parents[2]
# The folder of the image that the stages fill.
PLACE = "/opt/eco2"


@dataclass(frozen=True)
class Stage:
    name: str
    base: str
    steps: tuple[tuple[str, str], ...]

    def of(self, instruction: str) -> list[str]:
        return [words for kind, words in self.steps if kind == instruction]


@cache
def stages() -> dict[str, Stage]:
    """Name -> stage, in the file's order."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    steps: list[tuple[str, str]] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        kind, _, words = line.strip().partition(" ")
        if kind == "FROM":
            base, _, name = words.partition(" AS ")
            steps = []
            found[name] = Stage(name, base, ())
        elif kind and found:
            steps.append((kind, words))
            last = list(found)[-1]
            found[last] = Stage(last, found[last].base, tuple(steps))
    return found


def inherited(name: str, instruction: str) -> list[str]:
    """The words of each such instruction of the stage and of those that it is made from, the first of all first."""
    stage = stages().get(name)
    return [] if stage is None else [*inherited(stage.base, instruction), *stage.of(instruction)]


class Machine:
    """Builds stages one after the other into one folder, which stands for the image's ``/opt/eco2``."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.place = folder / "eco2"
        self._work = folder / "work"
        self._environment = environment
        self._work.mkdir(parents=True)
        self.place.mkdir()

    def build(self, name: str, downloaded: Callable[[str, Path], None] | None = None) -> None:
        """The stage's own COPY and RUN lines, as they stand in the Dockerfile but for the folders' names.

        They run under the umask of somebody who shares nothing. ``downloaded`` puts a list's packages into a folder,
        where they are not to come from the package index.
        """
        for kind, words in stages()[name].steps:
            if kind == "COPY" and "--from=" not in words:
                self._copy(shlex.split(words))
            elif kind == "RUN":
                for command in words.split(" && "):
                    self._run(self._placed(command), downloaded)

    def _run(self, command: str, downloaded: Callable[[str, Path], None] | None) -> None:
        match command.split():
            case ["./install.sh", "packages", part, folder] if downloaded:
                downloaded(part, Path(folder))
            case words:
                subprocess.run(words, cwd=self._work, env=dict(self._environment), check=True, timeout=900, umask=0o077)

    def _copy(self, words: list[str]) -> None:
        mode = next((int(word.partition("=")[2], 8) for word in words if word.startswith("--chmod=")), None)
        *sources, target = (word for word in words if not word.startswith("--"))
        end = Path(self._placed(target)) if target.startswith("/") else self._work
        for source in sources:
            files = [path for path in given(ROOT) if path == source or path.startswith(f"{source}/")]
            assert files, f"COPY {source} finds nothing"
            for path in files:
                inner = Path(path).relative_to(source) if path != source else Path(Path(path).name)
                (end / inner).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, end / inner)
                # As private as somebody's umask makes them, where the Dockerfile does not say otherwise.
                (end / inner).chmod(mode if mode is not None else (ROOT / path).stat().st_mode & 0o700)

    def _placed(self, words: str) -> str:
        return re.sub(rf"{PLACE}|/build", lambda found: str(self.place if found[0] == PLACE else self._work), words)


def builders_environment() -> dict[str, str]:
    """This machine's Python and its way to the package index, and nothing that helps to find our sources."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "ECO2_", "VIRTUAL_ENV"))}
    return {**kept, "PYTHON": str(Path(sys.base_prefix) / "bin" / "python3.11")}
