"""SIGKILL of the tool, again and again: what was done stays, nothing happens twice, and the end is the same."""

from __future__ import annotations

import random
import time

import pytest

from provisioning.run import ExitCode
from tests.provisioning.rebuild.world import PHASES, RebuildWorld

# The long variant is a task of its own: ./inv soak.rebuild
MOMENTS = 6
SEED = 20261123


def begun(world: RebuildWorld, phase: str) -> bool:
    return any(record.get("kind") == "phase_begun" and record.get("phase") == phase for record in world.journal())


def check(world: RebuildWorld) -> None:
    """What must hold at the end of a rebuild, however often it was cut off."""
    machines = world.machines
    assert machines is not None
    assert machines.count(None, r"^kubeadm init --") == 1
    for name in world.site.nodes:
        assert machines.count(name, r"^kubeadm join") == (0 if name == world.site.control_plane else 1), name
    assert {node["metadata"]["name"] for node in world.api.list("Node")} == set(world.site.nodes)
    made = world.terraform.made()
    assert len(made) == len(set(made)), "a resource was made twice"
    assert world.api.tokens() == []
    before = world.changes()
    again = world.run("rebuild")
    assert again.code == ExitCode.DONE, again.text
    assert world.changes() == before


def test_killed_at_the_beginning_of_every_phase_one_after_the_other(world: RebuildWorld) -> None:
    words: tuple[str, ...] = ("rebuild",)
    for phase in PHASES:
        killed = world.killed(*words, when=lambda phase=phase: begun(world, phase))
        assert killed.code == -9, f"{phase}: {killed.text}"
        words = ("rebuild", "--resume")
    last = world.run("rebuild", "--resume")
    assert last.code == ExitCode.DONE, last.text
    check(world)


@pytest.mark.long
def test_killed_at_random_moments(world: RebuildWorld) -> None:
    chance = random.Random(SEED)
    words: tuple[str, ...] = ("rebuild",)
    for _ in range(MOMENTS):
        moment = time.monotonic() + chance.uniform(1.0, 8.0)
        ran = world.killed(*words, when=lambda moment=moment: time.monotonic() > moment)
        assert ran.code in (-9, ExitCode.DONE), ran.text
        words = ("rebuild", "--resume") if world.journal() else ("rebuild",)
    last = world.run("rebuild", "--resume")
    assert last.code == ExitCode.DONE, last.text
    check(world)
