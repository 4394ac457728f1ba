"""What tests of the cloud's phases share: a site in a folder, the doubles before it, a command over chosen phases."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from provisioning.cluster import CLUSTER_FILE, load
from provisioning.run import AnyPhase, Command, ExitCode, Options, Redactor, Screen, Settings, Step, Stop
from provisioning.site import Site


def site(folder: Path, **changes: Any) -> Site:
    """The cluster of the cluster file, without its examples, in a folder of its own. ``changes`` are top-level keys."""
    said = yaml.safe_load(CLUSTER_FILE.read_text())
    said["access"] |= {
        "ssh_from": ["198.18.0.7/32"],
        "api_from": ["198.18.0.7/32"],
        "key_file": str(folder / "key"),
    }
    file = folder / "cluster.yaml"
    file.write_text(json.dumps(said | changes, ensure_ascii=False, indent=1))
    home = folder / "clusters/eco2"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Site(load(file), file, home)


def changed(before: Site, **changes: Any) -> Site:
    """The same site after its operator has edited the cluster file."""
    said = yaml.safe_load(before.cluster_file.read_text()) | changes
    before.cluster_file.write_text(json.dumps(said, ensure_ascii=False, indent=1))
    return Site(load(before.cluster_file), before.cluster_file, before.folder)


def nodes(site: Site) -> list[dict[str, Any]]:
    """The cluster file's nodes, as they stand in it."""
    found: list[dict[str, Any]] = yaml.safe_load(site.cluster_file.read_text())["nodes"]
    return found


@dataclass
class Heard:
    """A step for calling a phase's parts one by one, and what it said."""

    lines: list[str] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)

    def step(self, timeout_s: float = 60.0, redactor: Redactor | None = None) -> Step:
        return Step(
            "test",
            None,
            attempt=1,
            timeout_s=timeout_s,
            stop=self.stop,
            redactor=redactor or Redactor(),
            show=lambda phase, node, line: self.lines.append(line),
        )


@dataclass
class Ran:
    """A command that ended: its exit code and what it showed."""

    code: ExitCode
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def perform(site: Site, phases: Sequence[AnyPhase], options: Options | None = None) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    command = Command(
        ("./inv", "rebuild"), site.cluster.name, phases, site.folder, Settings(redactor=site.redactor), Screen(out, err)
    )
    code = command.perform(options or Options())
    return Ran(code, out.getvalue(), err.getvalue())
