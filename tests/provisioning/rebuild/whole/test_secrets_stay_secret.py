"""No key, token or password in any command line, journal, log or output of a rebuild."""

from __future__ import annotations

import base64
import re

from tests.doubles.aws.account import SECRET
from tests.provisioning.rebuild.whole.conftest import Rebuilt
from tests.provisioning.rebuild.world import RebuildWorld

# Files whose purpose is to hold a secret; all are 0600.
KEEPERS = {"kubeconfig"}
TOKEN = re.compile(r"(?<![a-z0-9.])[a-z0-9]{6}\.[a-z0-9]{16}(?![a-z0-9.])")


def secrets(world: RebuildWorld) -> dict[str, str]:
    """Name -> a line that would give it away."""
    found = {"AWS's secret key": SECRET}
    for file in [world.folder / "operator", *(world.site.host_keys / name for name in world.site.nodes)]:
        found[file.name] = file.read_text().splitlines()[3]
    for line in world.site.kubeconfig.read_text().splitlines():
        if "client-key-data" in line:
            found["the operator's client key"] = line.split(":", 1)[1].strip()[:200]
    for secret in world.api.list("Secret"):
        if secret.get("type") == "helm.sh/release.v1":
            continue
        for key, value in (secret.get("data") or {}).items():
            text = base64.b64decode(value).decode(errors="replace")
            if len(text) >= 12:
                found[f"{secret['metadata']['name']}/{key}"] = text.strip()
    return found


def said(world: RebuildWorld) -> dict[str, str]:
    """Where a secret must not stand -> what stands there."""
    machines = world.machines
    assert machines is not None
    places = {
        "command lines on the machines": "\n".join(" ".join(command.argv) for command in machines.commands),
        "Terraform's command lines": "\n".join(" ".join(words) for words in world.terraform.calls),
    }
    for file in sorted(world.site.folder.rglob("*")):
        apart = file.name in KEEPERS or world.site.host_keys in file.parents
        if file.is_file() and not apart:
            places[str(file.relative_to(world.site.folder))] = file.read_text(errors="replace")
    for name, host in machines.hosts.items():
        for log in sorted((host.upper / "var/log/eco2").glob("*")):
            places[f"{log.name} on {name}"] = log.read_text(errors="replace")
    return places


def test_nothing_that_a_run_leaves_behind_holds_one(rebuilt: Rebuilt) -> None:
    world = rebuilt.world
    places = said(world) | {
        "the first run": rebuilt.first.text,
        "the second": rebuilt.second.text,
        "the plan": rebuilt.planned.text,
    }
    hidden = secrets(world)
    assert len(hidden) > 20
    assert any("/runs/" in f"/{name}" for name in places)
    assert any("prepare.log" in name for name in places)
    leaks = [
        f"{name} in {place}" for name, secret in hidden.items() for place, text in places.items() if secret in text
    ]
    assert leaks == []


def test_no_bootstrap_token_was_ever_written_or_named(rebuilt: Rebuilt) -> None:
    leaks = {place: found for place, text in said(rebuilt.world).items() if (found := TOKEN.findall(text))}
    assert leaks == {}


def test_what_has_to_hold_a_secret_is_its_owners_alone(rebuilt: Rebuilt) -> None:
    folder = rebuilt.world.site.folder
    assert folder.stat().st_mode & 0o077 == 0
    # What helm and kubectl keep of public things has the modes that they give it; nobody else gets into the folder.
    public = ("cache", "helm", "data")
    kept = [file for file in folder.rglob("*") if file.is_file() and not set(public) & set(file.parts)]
    assert len(kept) > 2 * len(rebuilt.world.site.nodes)
    assert [file for file in kept if file.stat().st_mode & 0o077] == []
