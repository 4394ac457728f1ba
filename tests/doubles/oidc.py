"""Starts the stand-in for sign-in providers as a process of its own, and tells it what to do."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Providers:
    """Running stand-ins; see `tests.doubles.oidc_server`."""

    url: str

    def control(self, **told: Any) -> None:
        """Set who signs in and what goes wrong, from now on."""
        httpx.put(f"{self.url}/control", json=told, timeout=10, trust_env=False).raise_for_status()

    def asked(self) -> list[dict[str, str]]:
        """The forms that came to a token endpoint since the last `control`."""
        forms: list[dict[str, str]] = httpx.get(f"{self.url}/control", timeout=10, trust_env=False).json()
        return forms

    def visit(self, authorize_url: str) -> httpx.Response:
        """What a browser gets that goes there and consents."""
        return httpx.get(authorize_url, follow_redirects=False, timeout=10, trust_env=False)


@contextmanager
def providers() -> Iterator[Providers]:
    """The stand-ins, until the block ends."""
    command = [sys.executable, "-m", "tests.doubles.oidc_server"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Providers(process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()
