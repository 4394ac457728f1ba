"""What people see: the table, the lines, and the way out of a failure."""

import errno
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from provisioning.run import ErrorClass, ExitCode, Options, Step
from provisioning.run.board import Board
from provisioning.run.events import Events
from provisioning.run.journal import Journal
from provisioning.run.records import Kind, Record
from provisioning.run.redaction import Redactor
from provisioning.run.runs import Runs
from provisioning.run.selection import Selection, choose
from tests.provisioning.run.world import NODES, Build, Make, World, cluster, command


class AptLocked(Exception):
    pass


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


def test_a_failure_says_what_where_why_and_how_to_go_on(tmp_path: Path, world: World) -> None:
    def fail(step: Step, action: Make) -> None:
        if step.node == "api-waste":
            step.say("\n".join(f"line {number}" for number in range(30)))
            raise AptLocked("dpkg is in use")

    phase = Build(world, "prepare", ["kubelet"], nodes=NODES, before_each=fail)
    phase.errors = (
        ErrorClass(
            AptLocked,
            "E-APT-LOCKED",
            False,
            "unattended-upgrades is running",
            "wait for it to end",
            ExitCode.REMOTE_COMMAND,
            pattern="in use",
        ),
    )
    heard = command(tmp_path, [phase])

    assert heard.command.perform(Options(yes=True)) is ExitCode.REMOTE_COMMAND

    told = heard.out.getvalue()
    end = told[told.index("FAILED") :].splitlines()
    assert end[:3] == [
        "FAILED: Prepare on api-waste after 1 attempt (E-APT-LOCKED)",
        "  AptLocked: dpkg is in use",
        "  The last lines of its output:",
    ]
    assert end[3:23] == [f"    | line {number}" for number in range(10, 30)]
    assert end[23:] == [
        "  Likely cause: unattended-upgrades is running",
        "  What to do:   wait for it to end",
        "Not finished: 2 steps changed something, 0 were as they should be.",
        "Go on with:   ./inv rebuild --resume --yes",
        f"Journal:      {Runs(tmp_path).newest('./inv rebuild')}",
    ]


def test_plain_lines_tell_each_change_with_its_time_and_the_slowest_node(tmp_path: Path, world: World) -> None:
    heard = command(tmp_path, [Build(world, "prepare", ["kubelet"], nodes=NODES)])
    heard.command.perform(Options(yes=True))
    told = heard.out.getvalue()

    assert "== Prepare\n" in told
    assert "master: make kubelet\n" in told
    assert "master | make kubelet\n" in told
    assert "master: 1 done, 0.0 s\n" in told
    assert "== Prepare: 0.0 s, slowest " in told
    assert told.splitlines()[-1] == "Done: 3 steps changed something, 0 were as they should be."


def test_an_error_before_the_run_is_json_when_json_is_asked_for(tmp_path: Path, world: World) -> None:
    heard = command(tmp_path, cluster(world))

    assert heard.command.perform(Options(Selection(only=("x",)), json=True)) is ExitCode.CONFIGURATION

    error = json.loads(heard.out.getvalue())["error"]
    assert (error["code"], error["exit_code"]) == ("E-SELECTION", 15)


def shown(board: Board, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(board.table())
    return out.getvalue()


def test_the_table_shows_each_node_and_phase_with_its_state_and_seconds(tmp_path: Path, world: World) -> None:
    chosen = choose(cluster(world), Selection())
    board = Board(Console(file=io.StringIO(), width=100), chosen)
    with Journal(tmp_path / "run.jsonl", Redactor(), board.record) as journal:
        journal.append(Kind.STEP_DONE, phase="network", took_s=12.34)
        journal.append(Kind.PHASE_BEGUN, phase="prepare")
        journal.append(Kind.STEP_FAILED, phase="prepare", node="master", took_s=3.0)
        journal.append(Kind.STEP_FAILED, phase="prepare", node="api-waste", took_s=2.0, retry_in_s=1.0)
        journal.append(Kind.STEP_BEGUN, phase="prepare", node="worker-ai", attempt=1)
    board.output("prepare", "worker-ai", "[red]unpacking kubelet")

    lines = [line.split() for line in shown(board, 100).splitlines()]

    assert lines[0] == ["1", "2", "3", "4"]
    assert lines[1] == ["the", "cluster", "✓", "12.3", "s", "·"]
    assert lines[2] == ["master", "✗", "3.0", "s", "·"]
    assert lines[3] == ["api-waste", "↻", "2.0", "s", "·"]
    assert lines[4][0] == "worker-ai"
    assert lines[4][2:] == ["0", "s", "·"]
    assert lines[5] == ["2/4", "Prepare"]
    assert lines[6] == ["worker-ai:", "[red]unpacking", "kubelet"]


@pytest.mark.parametrize("current", range(20))
def test_a_narrow_terminal_shows_the_phases_around_the_current_one(tmp_path: Path, world: World, current: int) -> None:
    phases = [Build(world, f"phase-{number}", ["a"], nodes=NODES) for number in range(20)]
    board = Board(Console(file=io.StringIO(), width=60), choose(phases, Selection()))
    with Journal(tmp_path / "run.jsonl", Redactor(), board.record) as journal:
        journal.append(Kind.PHASE_BEGUN, phase=f"phase-{current}")
    told = shown(board, 60)

    assert str(current + 1) in told.splitlines()[0].split()
    assert f"{current + 1}/20 Phase-{current}" in told
    assert max(len(line) for line in told.splitlines()) <= 60


class Full:
    """A sink on a disk that is full."""

    def record(self, record: Record) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def output(self, phase: str, node: str | None, line: str) -> None:
        raise AssertionError("it is asked again")


class Kept:
    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.lines: list[str] = []

    def record(self, record: Record) -> None:
        self.kinds.append(record.kind)

    def output(self, phase: str, node: str | None, line: str) -> None:
        self.lines.append(line)


def test_a_sink_that_cannot_write_is_left_out_and_named_and_the_others_go_on(tmp_path: Path) -> None:
    kept = Kept()
    events = Events([Full(), kept])
    with Journal(tmp_path / "run.jsonl", Redactor(), events.record) as journal:
        journal.append(Kind.RUN_BEGUN)
        events.output("prepare", None, "hello")

    assert (kept.kinds, kept.lines) == (["run_begun"], ["hello"])
    assert events.lost == ["Full: No space left on device"]


def test_the_event_log_holds_every_record_and_line(tmp_path: Path, world: World) -> None:
    command(tmp_path, cluster(world)).command.perform(Options(yes=True))
    journal = Runs(tmp_path).newest("./inv rebuild")
    events = [json.loads(line) for line in Runs.event_log(journal).read_text().splitlines()]

    assert [event for event in events if event["kind"] != "output"] == [
        json.loads(line) for line in journal.read_text().splitlines()
    ]
    assert sum(event["kind"] == "output" for event in events) == 2 + 6 + 2 + 3


def test_exit_codes_differ_from_each_other_and_from_what_shells_use() -> None:
    codes = [int(code) for code in ExitCode]

    assert len(codes) == len(set(codes))
    assert all(code < 64 for code in codes)
    assert 1 not in codes
