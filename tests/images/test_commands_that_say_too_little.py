"""``./inv build`` as a person or a script calls it: what it prints, how it ends, and that a dry run asks nobody."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning.images.build import report
from tests.images.conftest import TOKEN, Machine
from tests.images.stages import ROOT


@pytest.fixture
def inv(without_docker: Callable[..., Path], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The task on this repository, on a machine that has git and no docker."""
    path = without_docker("git")

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "invoke", *words],
            cwd=ROOT,
            env={**os.environ, "PATH": str(path), "HOME": str(tmp_path), "GHCR_TOKEN": TOKEN, **more},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_a_dry_run_needs_no_docker_and_prints_the_commands(
    inv: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = inv("build", "--dry-run", "--push", ECO2_VERSION="9.9.9")

    assert done.returncode == 0, done.stderr
    login, services, worker = done.stdout.splitlines()
    assert login.startswith('printf %s "$GHCR_TOKEN" | docker login ghcr.io ')
    assert "--target=services --tag=ghcr.io/mangowhoiscloud/eco2:9.9.9" in services
    assert "--target=worker --tag=ghcr.io/mangowhoiscloud/eco2-worker:9.9.9" in worker
    assert TOKEN not in done.stdout + done.stderr


def test_the_workers_alone_and_for_scripts(inv: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = inv("build-workers", "--dry-run", "--version", "2.0", "--platform", "linux/arm64", "--json")

    told = json.loads(done.stdout)
    assert (done.returncode, told["version"], told["platforms"]) == (0, "2.0", ["linux/arm64"])
    (command,) = told["commands"]
    assert "--platform=linux/arm64" in command


def test_without_docker_the_error_is_one_line_with_a_remedy_and_json_for_scripts(
    inv: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = inv("build", "--json")

    assert done.returncode == 15
    assert json.loads(done.stdout)["error"]["code"] == "E-DOCKER-MISSING"
    assert done.stderr == ""

    first, *others = inv("build").stderr.splitlines()
    assert first == "docker is not on the PATH (E-DOCKER-MISSING)"
    assert any("What to do:" in line for line in others)
    assert not any("Traceback" in line for line in others)


def test_a_wrong_version_is_told_before_docker_is_looked_for(
    inv: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = inv("build", "--version", "1.0+local")

    assert done.returncode == 15
    assert "cannot be an image's tag" in done.stderr


def test_what_was_built_is_told_to_scripts(machine: Machine) -> None:
    built = machine.build(push=True)

    told = report(machine.plan(push=True), built)

    assert [each["target"] for each in told["images"]] == ["services", "worker"]
    assert all(each["pushed"] and each["digest"].startswith("sha256:") for each in told["images"])
    assert (told["version"], told["dirty"], len(told["commit"])) == ("1.2.3", False, 40)
