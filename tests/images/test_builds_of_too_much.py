"""What goes to the builder and does not belong there: tests, keys, the history; and what a step asks for in vain."""

import shlex
import subprocess
from pathlib import Path

import pytest

from provisioning.images.packages import EVALUATION
from tests.images.context import given
from tests.images.stages import ROOT, stages

BESIDE = {
    "LICENSE",
    "requirements.lock",
    "provisioning/images/install.sh",
    "provisioning/images/locked.py",
    "provisioning/images/health.py",
    "provisioning/images/services.txt",
    "provisioning/images/worker.txt",
    "provisioning/images/model.txt",
}


def copied() -> list[str]:
    """Every source of a COPY that is not from another stage."""
    lines = [words for stage in stages().values() for words in stage.of("COPY") if "--from=" not in words]
    return [word for words in lines for word in shlex.split(words)[:-1] if not word.startswith("--")]


def test_the_builder_gets_our_sources_and_a_few_files_beside_them() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "services", "wal", "workers"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    sources = {path for path in listed if not path.startswith(f"{EVALUATION}/") and (ROOT / path).is_file()}

    assert set(given(ROOT)) == sources | BESIDE


def test_the_context_is_small() -> None:
    assert sum((ROOT / path).stat().st_size for path in given(ROOT)) < 8_000_000


def test_everything_that_is_given_is_copied_and_nothing_else_is_asked_for() -> None:
    files, sources = given(ROOT), copied()

    assert [path for path in files if not any(path == s or path.startswith(f"{s}/") for s in sources)] == []
    assert [s for s in sources if not any(path == s or path.startswith(f"{s}/") for path in files)] == []


def test_no_secret_that_lies_about_gets_in(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text((ROOT / ".dockerignore").read_text("utf-8"))
    kept = ["services/a.py", "services/b/data/c.yaml", "wal/d.sql", "workers/ai/local/e.txt", "requirements.lock"]
    strays = [
        ".env",
        ".git/config",
        ".clusters/eco2/kubeconfig",
        ".eco2/data/x",
        "services/.env",
        "services/b/.secrets/key.pem",
        "services/b/__pycache__/a.cpython-311.pyc",
        "services/a.pyc",
        "wal/.a.py.swp",
        "workers/ai/evaluation/report.py",
        "tests/a.py",
        "charts/api/values.yaml",
        "provisioning/cluster.yaml",
        "provisioning/images/build.py",
        "docs/a.md",
        "tasks.py",
        "key.pem",
    ]
    for name in (*kept, *strays):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")

    assert given(tmp_path) == sorted(kept)


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ("*", []),
        ("*\n!a", ["a/b/c.py", "a/x.py"]),
        ("*\n!a\na/b", ["a/x.py"]),
        ("*.py", ["a/b/c.py", "a/x.py", "d.txt"]),
        ("**/*.py", ["d.txt"]),
        ("a/*/c.py", ["a/x.py", "d.txt", "e.py"]),
        ("**/b", ["a/x.py", "d.txt", "e.py"]),
        ("# a\n/e.py", ["a/b/c.py", "a/x.py", "d.txt"]),
        ("?.py", ["a/b/c.py", "a/x.py", "d.txt"]),
        ("[d-e].*", ["a/b/c.py", "a/x.py"]),
        ("!d.txt\n*", []),
    ],
)
def test_the_rules_are_read_as_docker_reads_them(tmp_path: Path, rules: str, left: list[str]) -> None:
    """By Docker's reference: what a plain pattern means below folders, and that the last line decides."""
    for name in ("a/b/c.py", "a/x.py", "d.txt", "e.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / ".dockerignore").write_text(rules + "\n.dockerignore")

    assert given(tmp_path) == left
