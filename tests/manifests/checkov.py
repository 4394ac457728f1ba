"""Checkov, in an environment of its own: it pins libraries that are older than ours.

The environment lies under ``build/`` (which git ignores), is made from ``checkov.lock`` on first use, in half a minute,
and is another one when the lock is.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).with_name("checkov.lock")
BUILD = Path(__file__).parents[2] / "build"
INSTALL_S, SCAN_S = 300, 120
# Whoever is asked here refuses: a scan needs no network.
_NOWHERE = "http://127.0.0.1:9"


def program() -> Path:
    """Checkov's command. Who comes second waits for the first; a half-made environment is made anew."""
    name = f"checkov-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    environment, whole = BUILD / name, BUILD / name / "whole"
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "checkov.flock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not whole.exists():
            for old in BUILD.glob("checkov-*"):
                shutil.rmtree(old)
            _make(environment)
            whole.touch()
    return environment / "bin" / "checkov"


def _make(environment: Path) -> None:
    _run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
    # Not compiled ahead: a scan imports half of it.
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--quiet"]
    options = ["--disable-pip-version-check", "--no-compile", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    _run([*pip, *options, "--requirement", str(LOCK)])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S)
    if done.returncode:
        raise RuntimeError(f"checkov's environment was not made ({' '.join(command)}):\n{done.stderr[-2000:]}")


def scan(folder: Path, framework: str, home: Path) -> dict[str, Any]:
    """What checkov says of all files of the `framework` in `folder`: its report as it writes JSON."""
    words = ["--directory", ".", "--framework", framework, "--compact", "--skip-download", "--output", "json"]
    done = subprocess.run(
        [program(), *words],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "HTTP_PROXY": _NOWHERE,
            "HTTPS_PROXY": _NOWHERE,
        },
        capture_output=True,
        text=True,
        timeout=SCAN_S,
    )
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report
