"""Failures, Ctrl-C, two runs at once, a wrong machine: each ends with what happened, why, and how to go on."""

from __future__ import annotations

import json
import signal
import time

import pytest

from provisioning.run import ExitCode
from tests.doubles.hosts.faults import Fails
from tests.provisioning.rebuild.test_killed_at_any_moment import begun
from tests.provisioning.rebuild.world import RebuildWorld


def test_a_failure_on_one_node_names_it_and_the_way_on_and_the_rest_is_kept(world: RebuildWorld) -> None:
    name = world.site.nodes[-1]
    first = world.run("rebuild", "--only", "preflight,terraform,reach")
    assert first.code == ExitCode.DONE, first.text
    assert world.machines is not None
    broken = "E: Sub-process /usr/bin/dpkg returned an error code (1)"
    world.machines.faults.add(name, r"^apt-get .*install", Fails(100, broken), times=50)

    failed = world.run("rebuild", "--from", "prepare")

    assert failed.code == ExitCode.REMOTE_COMMAND, failed.text
    assert f"on {name}" in failed.out
    assert broken in failed.out
    assert "Likely cause:" in failed.out
    assert "./inv rebuild --resume" in failed.out
    prepared = {record["node"] for record in world.journal() if record["kind"] == "step_done"}
    assert prepared >= set(world.site.nodes) - {name}

    world.machines.faults.clear()
    before = world.machines.count(world.site.nodes[0], r"^apt-get .*install")
    resumed = world.run("rebuild", "--resume")
    assert resumed.code == ExitCode.DONE, resumed.text
    assert world.machines.count(world.site.nodes[0], r"^apt-get .*install") == before


@pytest.mark.long
def test_ctrl_c_stops_at_a_safe_point_and_the_run_goes_on_later(world: RebuildWorld) -> None:
    began = time.monotonic()
    process = world.start("rebuild")
    while not begun(world, "prepare") and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stopped = world.ended(process, began)
    assert stopped.code == ExitCode.INTERRUPTED, stopped.text
    assert "./inv rebuild --resume" in stopped.out
    resumed = world.run("rebuild", "--resume", "--json")
    assert resumed.code == ExitCode.DONE, resumed.text
    kinds = {json.loads(line)["kind"] for line in resumed.out.splitlines()}
    assert {"run_resumed", "step_skipped", "step_done", "run_ended"} <= kinds


def test_two_runs_at_once_are_refused(world: RebuildWorld) -> None:
    began = time.monotonic()
    first = world.start("rebuild", "--only", "preflight,terraform")
    while not world.journal() and first.poll() is None:
        time.sleep(0.01)
    second = world.run("rebuild", "--json")
    assert second.code == ExitCode.LOCKED, second.text
    assert json.loads(second.out)["error"]["code"] == "E-LOCKED"
    assert world.ended(first, began).code == ExitCode.DONE
