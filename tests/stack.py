"""A private stack for a test run: its own home, ports and data, started and stopped through the front door."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg2

ROOT = Path(__file__).parents[1]

UNHURRIED = {"ECO2_GATEWAY__LIMITS__SCALE": "1000"}
"""All tests are one address to the gateway: its limits must not count them."""


@dataclass(frozen=True)
class TestStack:
    """A running stack; `settings` are its ECO2_* variables, `environment` is what it was started with."""

    __test__ = False

    home: Path
    settings: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Any:
        """What a process of this stack would be configured with (`services.kernel.config.Config`)."""
        from services.kernel.config import load

        with _environment({**self.settings, "ECO2_HTTP_PORT": "1"}):
            return load()

    @property
    def gateway(self) -> str:
        return self.settings["ECO2_GATEWAY_URL"]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.gateway, timeout=30)

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into the database past the services."""
        connection = psycopg2.connect(self.settings["ECO2_DATABASE_URL"])
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def inv(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return inv(self.home, *arguments, **self.environment)

    def status(self) -> dict[str, dict[str, Any]]:
        """The lines of ``./inv status`` by name."""
        shown = json.loads(self.inv("status", "--json").stdout)
        return {line["name"]: line for line in shown["lines"]}

    def supervisor(self, act: Callable[[Any], Any]) -> Any:
        """Talk to the stack's process manager."""
        from provisioning.local import Home
        from provisioning.local.supervise import Supervisor

        return act(Supervisor(Home.open(self.home)))

    def pid(self, name: str) -> int:
        pid: int = self.supervisor(lambda supervisor: supervisor.program(name).pid)
        return pid

    def kill(self, name: str) -> None:
        """SIGKILL a process; its supervisor starts it again."""
        os.kill(self.pid(name), signal.SIGKILL)


def inv(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``./inv`` for the stack of `home`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ECO2_", "OPENAI_"))}
    cache = os.environ.get("ECO2_CACHE", str(ROOT / ".eco2" / "cache"))
    return subprocess.run(
        [sys.executable, "-m", "invoke", *arguments],
        cwd=ROOT,
        env={**clean, "ECO2_CACHE": cache, "ECO2_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def started(*options: str, **environment: str) -> Iterator[TestStack]:
    """A stack in a new home, gone with all its data when the block ends."""
    home = Path(tempfile.mkdtemp(prefix="eco2-test-"))
    try:
        environment = {**UNHURRIED, **environment}
        up = inv(home, "up", *options, **environment)
        assert up.returncode == 0, up.stdout + up.stderr
        yield TestStack(home, _settings(home), environment)
    finally:
        down = inv(home, "down", "--wipe", "--yes")
        shutil.rmtree(home, ignore_errors=True)
        assert down.returncode == 0, down.stdout + down.stderr


def eventually(holds: Callable[[], Any], within_s: float = 40, every_s: float = 0.05) -> Any:
    """The first true value of `holds`, which is asked again and again."""
    deadline = time.monotonic() + within_s
    while not (value := holds()):
        assert time.monotonic() < deadline, f"did not come true within {within_s} s"
        time.sleep(every_s)
    return value


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _settings(home: Path) -> dict[str, str]:
    shown = subprocess.run(
        ["sh", "-c", '. "$1/env" && env -0', "sh", str(home)], capture_output=True, text=True, check=True
    ).stdout
    pairs = (line.partition("=") for line in shown.split("\0") if line)
    return {name: value for name, _, value in pairs if name.startswith("ECO2_")}
