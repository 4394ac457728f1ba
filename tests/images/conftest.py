"""A repository of its own with the product's Dockerfile, and the stand-in for docker on the PATH."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster.loading import load
from provisioning.cluster.model import Registry
from provisioning.images import build as making
from provisioning.images.plan import BuildOptions, BuildPlan, plan
from provisioning.images.tree import tree
from provisioning.run import Redactor, Screen

ROOT = Path(__file__).parents[2]
TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("committed")
    shutil.copy(ROOT / "Dockerfile", folder)
    git(folder, "init", "--quiet", "--template=")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=first")
    git(folder, "remote", "add", "origin", "git@github.com:someone/eco2.git")
    return folder


@pytest.fixture
def repository(committed: Path, tmp_path: Path) -> Path:
    """A clean tree with one commit, from a remote that has a web page."""
    return Path(shutil.copytree(committed, tmp_path / "repository"))


@cache
def registry() -> Registry:
    return load().registry


@dataclass
class Machine:
    """Where a build runs: what docker's stand-in will do, what it was asked, and what a person has seen."""

    folder: Path
    repository: Path
    variables: dict[str, str]
    shown: io.StringIO = field(default_factory=io.StringIO)

    def docker(self, **scenario: Any) -> None:
        (self.folder / "scenario.json").write_text(json.dumps(scenario))

    def calls(self) -> list[dict[str, Any]]:
        with contextlib.suppress(FileNotFoundError):
            return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]
        return []

    def words(self) -> list[str]:
        return [" ".join(call["argv"][:2]) for call in self.calls()]

    def plan(self, version: str = "1.2.3", **options: Any) -> BuildPlan:
        return plan(registry(), version, tree(self.repository), BuildOptions(**options), Path("."))

    def build(self, version: str = "1.2.3", **options: Any) -> list[making.Built]:
        screen = Screen(stdout=self.shown, stderr=self.shown)
        return making.build(self.plan(version, **options), screen, Redactor(), self.variables, self.repository)


@pytest.fixture
def machine(tmp_path: Path, repository: Path) -> Machine:
    folder = tmp_path / "docker"
    programs = folder / "bin"
    programs.mkdir(parents=True)
    stand_in = Path(__file__).parent / "docker_program.py"
    (programs / "docker").write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {stand_in} "$@"\n')
    (programs / "docker").chmod(0o755)
    variables = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "STAND_IN": str(folder),
        "GHCR_TOKEN": TOKEN,
    }
    made = Machine(folder, repository, variables)
    made.docker()
    return made


@pytest.fixture
def without_docker(tmp_path: Path) -> Callable[[str], Path]:
    """A folder for the PATH in which only these programs are."""

    def made(*names: str) -> Path:
        folder = tmp_path / "few"
        folder.mkdir()
        for name in names:
            found = shutil.which(name)
            assert found
            (folder / name).symlink_to(found)
        return folder

    return made
