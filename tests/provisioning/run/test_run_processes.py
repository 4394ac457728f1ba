"""What happens between a run's process and the world around it: signals, a second run, a closed pipe, a hung call."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provisioning.run import ExitCode, Options
from provisioning.run.errors import Locked
from provisioning.run.journal import read
from provisioning.run.lock import locked
from provisioning.run.records import Kind, Record
from provisioning.run.runs import Runs
from tests.provisioning.run.world import NODES, World, cluster, command

ROOT = Path(__file__).parents[3]
PATIENCE_S = 20.0

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the driver; what is left of it is killed in the end."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.provisioning.run.driver", str(tmp_path), *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def records(home: Path) -> list[Record]:
    found = sorted((home / "runs").glob("*.jsonl"))
    return read(found[-1])[0] if found else []


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def in_the_middle(home: Path) -> bool:
    acting = {record.node for record in records(home) if record.phase == "middle" and record.kind is Kind.STEP_ACTING}
    return acting == set(NODES)


def resumes(start: Start, home: Path) -> bool:
    process = start("quick", "--resume")
    process.communicate(timeout=PATIENCE_S)
    things = {f"{node}.{thing}" for node in NODES for thing in "abc"}
    return process.returncode == 0 and World(home / "world").things == things


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_the_run_at_safe_points_and_it_can_be_resumed(
    tmp_path: Path, start: Start, number: signal.Signals
) -> None:
    process = start("patient")
    until(lambda: in_the_middle(tmp_path))

    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == ExitCode.INTERRUPTED
    assert "next safe point" in err
    assert "Go on with:   ./inv rebuild --resume --yes" in out
    ended = records(tmp_path)
    cancelled = {record.node for record in ended if record.kind is Kind.STEP_CANCELLED}
    assert cancelled == set(NODES)
    assert ended[-1].kind is Kind.RUN_ENDED
    assert not any(record.phase == "last" for record in ended)
    assert resumes(start, tmp_path)


def test_the_second_signal_ends_a_run_that_does_not_look_and_it_can_be_resumed(tmp_path: Path, start: Start) -> None:
    process = start("stubborn")
    until(lambda: in_the_middle(tmp_path))

    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "next safe point" in process.stderr.readline()
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == ExitCode.INTERRUPTED
    assert "Ended at once" in err
    assert records(tmp_path)[-1].kind is Kind.STEP_ACTING
    assert resumes(start, tmp_path)


def test_a_call_that_never_returns_does_not_keep_the_process_from_ending(tmp_path: Path, start: Start) -> None:
    process = start("overdue")
    out, _ = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == ExitCode.TIMEOUT
    assert out.count("E-OVERDUE") >= len(NODES)
    assert resumes(start, tmp_path)


def test_a_second_run_for_the_cluster_is_told_who_is_first_and_changes_nothing(tmp_path: Path, start: Start) -> None:
    first = start("patient")
    until(lambda: in_the_middle(tmp_path))
    world = World(tmp_path / "other")
    heard = command(tmp_path, cluster(world))

    assert heard.command.perform(Options(yes=True)) is ExitCode.LOCKED

    assert f"process {first.pid} on {socket.gethostname()}, since 20" in heard.text
    assert world.things == set()
    assert len(list((tmp_path / "runs").glob("*.jsonl"))) == 1


def test_a_plan_needs_no_lock(tmp_path: Path) -> None:
    with locked(Runs(tmp_path).lock, "eco2"):
        heard = command(tmp_path, cluster(World(tmp_path / "world")))
        assert heard.command.perform(Options(plan=True)) is ExitCode.PLAN_HAS_CHANGES


def test_a_killed_run_leaves_no_lock(tmp_path: Path, start: Start) -> None:
    process = start("patient")
    until(lambda: in_the_middle(tmp_path))
    process.kill()
    process.wait()

    assert resumes(start, tmp_path)


def test_a_holder_that_has_not_yet_said_who_it_is_is_respected_too(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(Locked, match="has just begun"), locked(path, "eco2"):
            pass


def test_events_as_json_are_all_that_standard_output_holds(tmp_path: Path, start: Start) -> None:
    process = start("quick", "--json")
    out, err = process.communicate(timeout=PATIENCE_S)

    events = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 0
    assert [event["kind"] for event in events if event["kind"] != "output"] == [
        str(record.kind) for record in records(tmp_path)
    ]
    assert {event["line"] for event in events if event["kind"] == "output"} == {"make a", "make b", "make c"}
    assert "Done: 9 steps" in err


def test_on_a_terminal_the_run_is_a_table_that_is_left_standing(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
    words = [sys.executable, "-m", "tests.provisioning.run.driver", str(tmp_path), "quick"]
    told = b""
    with subprocess.Popen(words, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        try:
            while some := os.read(ours, 65536):
                told += some
        except OSError:
            # So Linux says that the other side has closed.
            assert told
    os.close(ours)

    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told.decode())
    last = text[text.rindex("master ") :]
    assert process.returncode == 0
    assert last.count("✓") == 9
    assert "3/3 Last" in last
    assert "Done: 9 steps changed something" in last


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_closed_pipe_neither_ends_the_run_nor_changes_its_exit_code(
    tmp_path: Path, start: Start, form: tuple[str, ...]
) -> None:
    process = start("quick", *form)
    assert process.stdout is not None
    process.stdout.close()

    assert process.wait(PATIENCE_S) == 0
    assert records(tmp_path)[-1].exit_code == 0
    assert World(tmp_path / "world").things == {f"{node}.{thing}" for node in NODES for thing in "abc"}
