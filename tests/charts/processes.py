"""What a process of ours makes of what its container is told: its own settings, loaded in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from services.kernel.config import load
from tests.charts.rendering import CHARTS, Manifest, of_kind


def complaints(environment: dict[str, str], manifests: list[Manifest], folder: Path) -> str:
    """What the process's own settings complain of; "" when nothing."""
    done = _loaded(environment, manifests, folder, "pass")
    return done.stderr if done.returncode else ""


def settings_of(environment: dict[str, str], manifests: list[Manifest], folder: Path) -> Any:
    """The settings as the process would have them, as JSON does."""
    done = _loaded(environment, manifests, folder, "print(settings.model_dump_json())")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _loaded(
    environment: dict[str, str], manifests: list[Manifest], folder: Path, act: str
) -> subprocess.CompletedProcess[str]:
    if "ECO2_CONFIG" in environment:
        (config,) = of_kind(manifests, "ConfigMap")
        file = folder / "config.yaml"
        file.write_text(config["data"]["config.yaml"], encoding="utf-8")
        environment = {**environment, "ECO2_CONFIG": str(file)}
    return subprocess.run(
        [sys.executable, "-c", f"from {load.__module__} import load\nsettings = load()\n{act}"],
        env={**environment, "PATH": os.environ["PATH"]},
        cwd=CHARTS.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
