"""The real kubectl and the real helm against the double, as an operator's shell would run them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles.kubernetes.server import KubernetesServer

Answered = subprocess.CompletedProcess[str]
_WITHIN_S = 60


@dataclass
class Client:
    """``programs`` is the folder with both binaries, ``home`` where they keep what they remember."""

    server: KubernetesServer
    programs: Path
    home: Path

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.write_kubeconfig(self.server.kubeconfig())

    def write_kubeconfig(self, text: str) -> None:
        self.home.joinpath("kubeconfig").write_text(text)

    def run(self, program: str, *words: str, stdin: Any = None) -> Answered:
        """An object as stdin is sent as JSON, several as documents of one stream."""
        if isinstance(stdin, list):
            stdin = "\n---\n".join(json.dumps(each) for each in stdin)
        text = stdin if stdin is None or isinstance(stdin, str) else json.dumps(stdin)
        environment = {**os.environ, "HOME": str(self.home), "KUBECONFIG": str(self.home / "kubeconfig")}
        command = [str(self.programs / program), *words]
        return subprocess.run(
            command, input=text, text=True, capture_output=True, env=environment, timeout=_WITHIN_S, check=False
        )

    def kubectl(self, *words: str, stdin: Any = None) -> str:
        """What it prints. Raises AssertionError with what it says when it fails."""
        return _output(self.run("kubectl", *words, stdin=stdin))

    def helm(self, *words: str, stdin: Any = None) -> str:
        return _output(self.run("helm", *words, stdin=stdin))

    def refused(self, *words: str, stdin: Any = None) -> str:
        """What kubectl says as it fails."""
        answered = self.run("kubectl", *words, stdin=stdin)
        assert answered.returncode != 0, answered.stdout
        return answered.stderr

    def apply(self, *items: Any) -> str:
        return self.kubectl("apply", "--server-side", "--field-manager=test", "-f", "-", stdin=list(items))


def _output(answered: Answered) -> str:
    assert answered.returncode == 0, f"{answered.args}: {answered.stdout}{answered.stderr}"
    return answered.stdout
