"""The workflows as GitHub reads them, and the commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
FILES = sorted((GITHUB / "workflows").glob("*.yml"))

Job = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One step of a job of a workflow."""

    file: str
    job: str
    said: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.file}: {self.job}: {self.said['name']}"

    @property
    def run(self) -> str:
        return str(self.said.get("run", ""))


def workflow(file: Path) -> dict[str, Any]:
    """`on` is a key here, and not YAML's word for true."""
    said: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {str("on" if key is True else key): value for key, value in said.items()}


def jobs() -> Iterator[tuple[str, Job]]:
    """(``file: job``, the job), of all workflows."""
    for file in FILES:
        for name, job in workflow(file)["jobs"].items():
            yield f"{file.name}: {name}", job


def steps() -> list[Step]:
    return [
        Step(file.name, name, said)
        for file in FILES
        for name, job in workflow(file)["jobs"].items()
        for said in job.get("steps", [])
    ]


def inv_commands(text: str) -> list[list[str]]:
    """The words after each ``./inv`` in a script."""
    found = []
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        for index, word in enumerate(words):
            if word == "./inv":
                rest = words[index + 1 :]
                end = next((at for at, one in enumerate(rest) if re.fullmatch(r"[|&;].*|[0-9]?>.*", one)), len(rest))
                found.append(rest[:end])
    return found
