"""A workflow that GitHub refuses, or that calls what is not there: found out only after the push."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from invoke import Program
from invoke.exceptions import ParseError
from invoke.parser import Parser

import tasks
from provisioning.kubernetes.release_table import image_tag
from provisioning.local.packages import DEBIAN, find
from tests.actions.workflows import FILES, GITHUB, ROOT, Step, inv_commands, jobs, steps, workflow

BIN = Path(sys.executable).parent
RUNS = [step for step in steps() if step.run]


def test_these_workflows_are_there() -> None:
    assert [file.name for file in FILES] == ["build.yml", "test.yml"]


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        *(("vendor.github-workflows", file) for file in FILES),
        ("vendor.dependabot", GITHUB / "dependabot.yml"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_github_would_take_the_file(schema: str, file: Path) -> None:
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", schema, str(file)], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_tests_run_for_pull_requests_and_pushes_and_before_images_are_pushed() -> None:
    test, build = workflow(GITHUB / "workflows" / "test.yml"), workflow(GITHUB / "workflows" / "build.yml")

    assert test["on"].keys() == {"pull_request", "push", "workflow_call"}
    # Where the one does not run by itself, the other calls it.
    assert test["on"]["push"] == {"branches-ignore": build["on"]["push"]["branches"]}
    assert build["on"] == {"push": {"branches": ["main"], "tags": ["v*"]}}
    calls = [name for name, job in build["jobs"].items() if job.get("uses") == "./.github/workflows/test.yml"]
    pushes = [job for job in build["jobs"].values() if "write" in job["permissions"].values()]
    assert [job["needs"] for job in pushes] == calls


def test_what_runs_is_what_runs_on_every_submission() -> None:
    assert any(".ci/run" in step.run.split() for step in RUNS)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


@pytest.mark.parametrize("step", RUNS, ids=lambda step: step.id)
def test_every_task_that_is_called_exists_with_its_options(step: Step) -> None:
    for words in inv_commands(step.run):
        understood(words)


@pytest.mark.parametrize("words", [["buidl"], ["build", "--psuh"], ["build", "--push", "extra"]])
def test_a_task_or_option_that_is_not_there_is_seen(words: list[str]) -> None:
    with pytest.raises(ParseError):
        understood(words)


def understood(words: list[str]) -> None:
    """Raises `ParseError` as ``./inv`` would."""
    first = Program(namespace=tasks.namespace).initial_context
    contexts = tasks.namespace.to_contexts()
    Parser(contexts=contexts, initial=first, ignore_unknown=False).parse_argv(words)


def test_the_images_are_built_by_the_task_that_people_use() -> None:
    called = {step.id: inv_commands(step.run) for step in RUNS}

    assert [["build", "--push", "--sbom"]] in called.values()
    assert not any("docker" in step.run for step in RUNS)


@pytest.mark.parametrize("version", ["", "1.2.3"])
def test_the_push_would_tag_by_the_repositorys_variable_or_setup_cfg(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """The command of build.yml itself, with what its step is told, and --dry-run."""
    (step,) = (step for step in RUNS if step.file == "build.yml")
    ((words),) = inv_commands(step.run)
    told = {"ECO2_VERSION": version, "GITHUB_USERNAME": "somebody", "GHCR_TOKEN": "ghs_" + "x" * 36}
    assert told.keys() == step.said["env"].keys()
    assert step.said["env"]["ECO2_VERSION"] == "${{ vars.VERSION }}"

    done = subprocess.run(
        [sys.executable, "-m", "invoke", *words, "--dry-run"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **told},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    monkeypatch.delenv("ECO2_VERSION", raising=False)
    assert f":{version or image_tag()}" in done.stdout
    assert "--username=somebody --password-stdin" in done.stdout
    assert told["GHCR_TOKEN"] not in done.stdout + done.stderr


def test_the_debian_packages_come_from_the_one_list() -> None:
    """The step's own program, where all of them are there: it finds them, and installs nothing."""
    (step,) = (step for step in RUNS if "provisioning.local.packages" in step.run)
    sudo, python, *words = shlex.split(step.run)
    assert (sudo, python) == ("sudo", ".venv/bin/python")
    assert "apt-get" not in "".join(step.run for step in RUNS)
    if missing := find(DEBIAN)[1]:
        pytest.skip(f"Debian packages are missing: {' '.join(missing)}")

    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_one_list_is_the_manuals() -> None:
    section = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").partition("## Debian packages")[2]
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}

    assert {name for names in DEBIAN.values() for name in names} == {one for one in named if "python" not in one}


def test_shellcheck_has_nothing_to_say_against_what_runs(tmp_path: Path) -> None:
    scripts = []
    for index, step in enumerate(RUNS):
        script = tmp_path / f"{index}.sh"
        script.write_text(f"#!/bin/bash\n# {step.id}\n{step.run}\n", encoding="utf-8")
        scripts.append(script)

    done = subprocess.run([BIN / "shellcheck", *scripts], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout


def test_a_pipe_does_not_hide_that_the_tests_failed() -> None:
    """GitHub's own shell has no pipefail unless bash is asked for by name."""
    piped = {(step.file, step.job) for step in RUNS if " | " in step.run}

    assert piped
    for name, job in jobs():
        if tuple(name.split(": ")) in piped:
            assert job["defaults"]["run"]["shell"] == "bash"
