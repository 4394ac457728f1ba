"""A workflow that a stranger's pull request or a taken-over action turns into a way into the packages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.actions.workflows import FILES, GITHUB, Job, jobs, steps, workflow

BIN = Path(sys.executable).parent
JOBS = dict(jobs())
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+")


def test_zizmor_has_nothing_to_say_pedantically() -> None:
    """Offline: what it would ask GitHub is not asked."""
    command = [BIN / "zizmor", "--offline", "--persona=pedantic", "--no-progress", "--strict-collection", str(GITHUB)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_sees_what_is_unsafe(tmp_path: Path) -> None:
    spoiled = tmp_path / "spoiled.yml"
    spoiled.write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - uses: actions/checkout@v6\n      - run: echo ${{ github.event.pull_request.title }}\n"
    )

    done = subprocess.run(
        [BIN / "zizmor", "--offline", "--no-progress", str(spoiled)], capture_output=True, text=True, timeout=60
    )

    for said in ("dangerous-triggers", "template-injection", "unpinned-uses", "artipacked"):
        assert said in done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_action_is_pinned_by_its_commit_with_its_version_beside_it(file: Path) -> None:
    used = [
        line.strip().removeprefix("- ") for line in file.read_text(encoding="utf-8").splitlines() if "uses:" in line
    ]

    assert used
    for line in used:
        assert PINNED.fullmatch(line) or line.startswith("uses: ./.github/workflows/"), line


def test_an_action_has_the_same_commit_everywhere_and_in_the_manual() -> None:
    used = {step.said["uses"] for step in steps() if "uses" in step.said}
    manual = (GITHUB.parent / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.-]+/[\w.-]+)` \| v[\d.]+ \| `([0-9a-f]{40})` \|", manual, re.MULTILINE)

    assert sorted(f"{name}@{commit}" for name, commit in rows) == sorted(used)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_workflow_may_nothing_by_default_and_runs_beside_no_older_one(file: Path) -> None:
    said = workflow(file)

    assert said["permissions"] == {}
    assert said["concurrency"]["group"]
    assert "pull_request_target" not in said["on"]


def test_a_called_workflow_does_not_wait_for_its_caller() -> None:
    """Both in one group would wait for each other for ever."""
    groups = [workflow(file)["concurrency"]["group"].partition("$")[0] for file in FILES]

    assert len(set(groups)) == len(groups)
    assert "" not in groups


@pytest.mark.parametrize(("name", "job"), JOBS.items(), ids=JOBS)
def test_every_job_says_what_it_may_and_for_how_long(name: str, job: Job) -> None:
    assert job["permissions"].get("contents") == "read"
    if "uses" in job:
        assert "timeout-minutes" not in job, "GitHub refuses it here; the called jobs have theirs"
    else:
        assert 0 < job["timeout-minutes"] <= 90
        assert job["runs-on"] == "ubuntu-24.04"


def test_only_what_pushes_images_may_write_and_only_packages() -> None:
    writing = {name: job["permissions"] for name, job in JOBS.items() if "write" in job["permissions"].values()}

    assert writing == {"build.yml: images": {"contents": "read", "packages": "write"}}


def test_no_script_has_an_expression_in_it() -> None:
    for step in steps():
        assert "${{" not in step.run, step.id


def test_the_token_is_told_to_one_step_alone() -> None:
    told = [step.id for step in steps() if "secrets." in str(step.said)]

    assert told == ["build.yml: images: Build and push both images"]
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        assert set(re.findall(r"secrets\.(\w+)", text)) <= {"GITHUB_TOKEN"}
        assert "secrets: inherit" not in text


def test_no_checkout_leaves_the_token_in_the_tree() -> None:
    checkouts = [step for step in steps() if "actions/checkout@" in step.said.get("uses", "")]

    assert len(checkouts) == sum("steps" in job for job in JOBS.values())
    for step in checkouts:
        assert step.said["with"]["persist-credentials"] is False, step.id


def test_only_actions_are_kept_up_to_date_for_us() -> None:
    """requirements.lock is uv's: a bot would change it without the hashes of all platforms."""
    updates = workflow(GITHUB / "dependabot.yml")["updates"]

    assert [update["package-ecosystem"] for update in updates] == ["github-actions"]
