"""A run may be killed anywhere; resumed, it ends with the same world."""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is possible: a killed process loses nothing that it has written, and nothing waits."""
    memory = Path("/dev/shm")  # noqa: S108 (a folder of its own is made in it)
    made = Path(tempfile.mkdtemp(prefix="run-", dir=memory if memory.is_dir() else None))
    yield made
    shutil.rmtree(made)


def killed(*words: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.provisioning.run.kills", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def right(kill: dict[str, object]) -> bool:
    return kill.get("code") == 0 and kill["whole"] is True and kill["done_steps_run_again"] == 0


def test_a_run_killed_at_any_record_half_written_or_durable_resumes_to_the_same_world(folder: Path) -> None:
    kills = killed("boundaries", str(folder))

    assert len(kills) == 2 * int(str(kills[0]["of"])) > 60
    assert all(kill["killed"] for kill in kills)
    assert [kill for kill in kills if not right(kill)] == []


def test_a_run_killed_at_fifty_random_moments_and_again_while_it_resumes_comes_to_the_same_world(folder: Path) -> None:
    seed = random.randrange(10**6)
    print("seed", seed)

    kills = killed("moments", str(folder), str(seed), "50")

    assert len(kills) == 50
    assert sum(int(str(kill["kills"])) for kill in kills) >= 25, "hardly any run was killed while it ran"
    assert [kill for kill in kills if not right(kill)] == [], f"seed {seed}"
