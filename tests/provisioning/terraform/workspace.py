"""A copy of the Terraform configuration, with its own state, keys and simulated account."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from provisioning.terraform.host_keys import HostKeys, ensure

PROVISIONING = Path(__file__).parents[3] / "provisioning"
HCL = PROVISIONING / "terraform"
CLUSTER = PROVISIONING / "cluster.yaml"
OPERATOR = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGbpT0mUfnJGNEBHBBfHPLYZ2B1CZE2EwMJSWsb0pXoX operator"
SIM_HOME = os.environ.get("AWS_SIM_HOME", str(Path.home() / ".cache/aws-provider-sim"))
"""Where the simulated providers are installed to, once."""

LONGEST_S = 400
"""A machine with two busy cores needs some 60 s for the longest command."""


def clean_environment() -> dict[str, str]:
    """Nothing of the caller's Terraform or AWS account reaches a test."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))},
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
    }


def copied(to: Path) -> Path:
    """The configuration and its cluster file below `to`; returns the configuration's folder."""
    leave = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars*", "__pycache__", "backend_override.tf")
    shutil.copytree(HCL, to / "terraform", ignore=leave)
    shutil.copy(CLUSTER, to)
    return to / "terraform"


@dataclass
class Finished:
    """What a Terraform command said, and its exit code."""

    code: int
    said: str
    out: str


@dataclass
class Workspace:
    """Runs Terraform in a copy of its own. `world` is the simulated account, which other workspaces may share."""

    folder: Path
    settings: Path
    keys: HostKeys
    world: Path
    faults: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def made(cls, root: Path, base: Path, settings: Path, world: Path | None = None) -> Workspace:
        """A copy of `base`, where `terraform init` has run, and perhaps more."""
        shutil.copytree(base, root, symlinks=True)
        nodes = [node["name"] for node in yaml.safe_load(CLUSTER.read_text())["nodes"]]
        return cls(root / "terraform", settings, ensure(root / "keys", nodes), world or root / "world.json")

    @property
    def cluster_file(self) -> Path:
        return self.folder.parent / "cluster.yaml"

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the cluster file, and make the host keys of nodes that are new in it."""
        cluster = yaml.safe_load(self.cluster_file.read_text())
        change(cluster)
        self.cluster_file.write_text(yaml.safe_dump(cluster, allow_unicode=True))
        self.keys = ensure(self.folder.parent / "keys", [node["name"] for node in cluster["nodes"]])

    def run(self, *arguments: str, **variables: object) -> Finished:
        told = self.folder.parent / "faults.json"
        told.write_text(json.dumps(self.faults))
        values = {
            f"TF_VAR_{name}": value if isinstance(value, str) else json.dumps(value)
            for name, value in {"ssh_public_key": OPERATOR, **variables}.items()
        }
        environment = {
            **clean_environment(),
            **self.keys.environment(),
            **values,
            "TF_CLI_CONFIG_FILE": str(self.settings),
            "AWS_SIM_WORLD": str(self.world),
            "AWS_SIM_FAULTS": str(told),
        }
        done = subprocess.run(
            ["terraform", f"-chdir={self.folder}", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        words = " ".join((done.stdout + done.stderr).replace("│", " ").split())
        return Finished(done.returncode, words, done.stdout)

    def apply(self, **variables: object) -> Finished:
        return self.run("apply", "-no-color", "-auto-approve", **variables)

    def destroy(self, **variables: object) -> Finished:
        return self.run("destroy", "-no-color", "-auto-approve", **variables)

    def changes(self, **variables: object) -> dict[str, list[str]]:
        """What a plan would do: address -> actions, without what it leaves alone."""
        return {change["address"]: change["change"]["actions"] for change in self.plan(**variables)["resource_changes"]}

    def plan(self, **variables: object) -> dict[str, Any]:
        planned = self.run("plan", "-no-color", "-out=plan", **variables)
        assert planned.code == 0, planned.said
        plan: dict[str, Any] = json.loads(self.run("show", "-json", "plan").out)
        plan["resource_changes"] = [
            change
            for change in plan.get("resource_changes", [])
            if change["mode"] == "managed" and change["change"]["actions"] != ["no-op"]
        ]
        return plan

    def outputs(self) -> dict[str, Any]:
        read = json.loads(self.run("output", "-json").out)
        return {name: output["value"] for name, output in read.items()}

    def account(self, kind: str | None = None) -> list[dict[str, Any]]:
        """What stands in the simulated account, each with its attributes."""
        found = json.loads(self.world.read_text())["resources"].values() if self.world.exists() else []
        return [entry["attrs"] for entry in found if kind in (None, entry["type"])]

    def change_account(self, kind: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Somebody else does this to everything of a kind in the simulated account."""
        world = json.loads(self.world.read_text())
        for entry in world["resources"].values():
            if entry["type"] == kind:
                change(entry["attrs"])
        self.world.write_text(json.dumps(world))

    def kinds(self) -> set[str]:
        return {entry["type"] for entry in json.loads(self.world.read_text())["resources"].values()}


Make = Callable[..., Workspace]
