"""Facts, then the plan, then the act: what a step does, does not do, and does again."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioning.run import Action, ErrorClass, ExitCode, Guard, Options, Phase, Retry, Settings, Step, steps
from provisioning.run.errors import PhasesError
from provisioning.run.journal import read
from provisioning.run.phase import checked
from provisioning.run.records import Kind, Record
from provisioning.run.runs import Runs
from tests.provisioning.run.world import AT_ONCE, NODES, Build, World, cluster, command, whole

GO = Options(yes=True)


class PortClosed(Exception):
    pass


class WrongKey(Exception):
    pass


ERRORS = (
    ErrorClass(PortClosed, "E-SSH-PORT", True, "sshd is starting", "wait", ExitCode.SSH),
    ErrorClass(WrongKey, "E-SSH-KEY", False, "another machine answers", "look at it", ExitCode.SSH),
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


def records(home: Path, kind: Kind) -> list[Record]:
    return [record for record in read(Runs(home).newest("./inv rebuild"))[0] if record.kind is kind]


def failing(errors: Sequence[Exception]) -> Callable[[Step, Action], None]:
    """Raises these one after the other, then no more."""
    left = list(errors)

    def fail(step: Step, action: Action) -> None:
        if left:
            raise left.pop(0)

    return fail


def test_a_run_builds_the_whole_world_and_each_action_is_performed_once(tmp_path: Path, world: World) -> None:
    phases = cluster(world)

    assert command(tmp_path, phases).command.perform(GO) is ExitCode.DONE

    assert world.things == whole()


def test_a_second_run_changes_nothing_and_reads_each_fact_once(tmp_path: Path, world: World) -> None:
    command(tmp_path, cluster(world)).command.perform(GO)
    again = cluster(world)

    assert command(tmp_path, again).command.perform(GO) is ExitCode.DONE

    assert [phase.acted for phase in again] == [[], [], [], []]
    assert [len(phase.read) for phase in again] == [1, 3, 1, 3]
    assert records(tmp_path, Kind.STEP_ACTING) == []


def test_a_step_costs_three_records_and_a_phase_two(tmp_path: Path, world: World) -> None:
    """Each record is one fsync: this is what the engine adds to the work, however long the work takes."""
    nodes = [f"node-{number}" for number in range(13)]
    phase = Build(world, "prepare", ["kubelet", "runtime", "images"], nodes=nodes)

    command(tmp_path, [phase]).command.perform(GO)

    assert len(read(Runs(tmp_path).newest("./inv rebuild"))[0]) == 2 + 2 + 3 * 13
    assert len(phase.read) == 2 * 13


def test_what_is_planned_is_on_the_disk_before_the_act_begins(tmp_path: Path, world: World) -> None:
    found: list[tuple[str, ...]] = []

    def look(step: Step, action: Action) -> None:
        (acting,) = records(tmp_path, Kind.STEP_ACTING)
        found.append(tuple(planned.id for planned in acting.planned or ()))

    command(tmp_path, [Build(world, "network", ["vpc", "subnet"], before_each=look)]).command.perform(GO)

    assert found == [("subnet", "vpc")] * 2


def test_no_more_nodes_than_the_bound_are_worked_on_at_once(tmp_path: Path, world: World) -> None:
    lock = threading.Lock()
    now = most = 0
    full = threading.Event()

    def meet(step: Step, action: Action) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if now == 3:
                full.set()
        full.wait(20)
        time.sleep(0.005)
        with lock:
            now -= 1

    phase = Build(world, "prepare", ["kubelet"], nodes=[f"node-{number}" for number in range(13)], before_each=meet)
    phase.parallel = 3

    assert command(tmp_path, [phase]).command.perform(GO) is ExitCode.DONE
    assert most == 3


def test_the_bound_of_the_run_counts_where_it_is_the_smaller(tmp_path: Path, world: World) -> None:
    inside: list[str | None] = []
    most = 0
    met = threading.Event()

    def meet(step: Step, action: Action) -> None:
        nonlocal most
        inside.append(step.node)
        most = max(most, len(inside))
        if len(inside) > 1:
            met.set()
        met.wait(0.2)
        inside.remove(step.node)

    phase = Build(world, "prepare", ["kubelet"], nodes=NODES, before_each=meet)
    command(tmp_path, [phase], Settings(bound=1)).command.perform(GO)

    assert most == 1


def test_a_transient_error_is_tried_again_from_new_facts(tmp_path: Path, world: World) -> None:
    phase = Build(world, "prepare", ["a", "b"], before_each=failing([PortClosed("22"), PortClosed("22")]))
    phase.errors = ERRORS

    assert command(tmp_path, [phase]).command.perform(GO) is ExitCode.DONE

    failures = records(tmp_path, Kind.STEP_FAILED)
    assert [(record.attempt, record.code) for record in failures] == [(1, "E-SSH-PORT"), (2, "E-SSH-PORT")]
    assert all(record.retry_in_s is not None for record in failures)
    assert phase.acted == [(None, "a"), (None, "b")]


def test_transient_errors_end_with_the_last_attempt_and_the_class_of_the_error(tmp_path: Path, world: World) -> None:
    phase = Build(world, "prepare", ["a"], before_each=failing([PortClosed("22")] * 9))
    phase.errors = ERRORS

    assert command(tmp_path, [phase]).command.perform(GO) is ExitCode.SSH
    assert len(records(tmp_path, Kind.STEP_FAILED)) == AT_ONCE.attempts


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (WrongKey("ssh-ed25519 differs"), "E-SSH-KEY", ExitCode.SSH),
        (ZeroDivisionError("a mistake"), "E-UNEXPECTED", ExitCode.RUNTIME),
    ],
)
def test_permanent_and_unknown_errors_are_not_tried_again(
    tmp_path: Path, world: World, error: Exception, code: str, exit_code: ExitCode
) -> None:
    phase = Build(world, "prepare", ["a"], before_each=failing([error]))
    phase.errors = ERRORS

    assert command(tmp_path, [phase]).command.perform(GO) is exit_code

    (failure,) = records(tmp_path, Kind.STEP_FAILED)
    assert (failure.code, failure.attempt, failure.retry_in_s) == (code, 1, None)


def test_when_one_node_fails_the_others_finish_the_phase_and_no_later_phase_begins(
    tmp_path: Path, world: World
) -> None:
    phases = cluster(world)

    def fail(step: Step, action: Action) -> None:
        if step.node == "api-waste":
            raise WrongKey

    phases[1].before_each = fail

    assert command(tmp_path, phases).command.perform(GO) is ExitCode.RUNTIME

    assert {node for node, _ in phases[1].acted} == {"master", "worker-ai"}
    assert phases[2].read == []


def test_a_rolling_phase_begins_no_other_node_after_a_failure(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late the watch looks: here it comes when every thread has ended."""
    monkeypatch.setattr(steps, "wait", lambda waiting, timeout, return_when: wait(waiting, timeout=60))
    phase = Build(world, "drain", ["a"], nodes=NODES, before_each=failing([WrongKey()]))
    phase.parallel = 1
    phase.halt_on_failure = True

    command(tmp_path, [phase]).command.perform(GO)

    assert [record.node for record in records(tmp_path, Kind.STEP_BEGUN)] == [NODES[0]]
    assert set(phase.read) == {NODES[0]}


class Forgetful(Build):
    """Acts without any effect."""

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        step.say("done, trust me")


def test_a_step_is_not_done_before_the_facts_say_so(tmp_path: Path, world: World) -> None:
    assert command(tmp_path, [Forgetful(world, "prepare", ["a"])]).command.perform(GO) is ExitCode.RUNTIME
    assert {record.code for record in records(tmp_path, Kind.STEP_FAILED)} == {"E-NOT-CONVERGED"}


@dataclass(frozen=True)
class Begun:
    guard: Guard


class Init(Phase[Begun, Action]):
    """An action whose guard the test chooses."""

    name = title = "init"
    retry = Retry(attempts=2, first_s=0.001)

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self.guard = guard
        self.acts = 0

    def facts(self, step: Step) -> Begun:
        return Begun(self.guard)

    def plan(self, facts: Begun) -> Sequence[Action]:
        return [Action(id="init", title="begin the control plane", guard=facts.guard)]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        self.acts += 1
        self.guard = Guard.HAPPENED


@pytest.mark.parametrize(
    ("guard", "acts", "exit_code"),
    [(Guard.CLEAR, 1, ExitCode.DONE), (Guard.HAPPENED, 0, ExitCode.DONE), (Guard.UNSURE, 0, ExitCode.RUNTIME)],
)
def test_what_may_happen_once_is_done_only_when_the_facts_say_it_has_not_been(
    tmp_path: Path, guard: Guard, acts: int, exit_code: ExitCode
) -> None:
    phase = Init(guard)
    heard = command(tmp_path, [phase])

    assert heard.command.perform(GO) is exit_code

    assert phase.acts == acts
    assert ("E-ONCE-UNSURE" in heard.text) == (guard is Guard.UNSURE)


def test_a_step_that_looks_at_its_time_is_tried_again(tmp_path: Path, world: World) -> None:
    slow = [True]

    def linger(step: Step, action: Action) -> None:
        if slow.pop():
            slow.append(False)
            step.wait(20)
        slow.append(False)

    phase = Build(world, "prepare", ["a"], before_each=linger)
    phase.timeout_s = 0.2

    assert command(tmp_path, [phase]).command.perform(GO) is ExitCode.DONE
    assert [record.code for record in records(tmp_path, Kind.STEP_FAILED)] == ["E-TIMEOUT"]


def test_a_step_that_never_comes_back_is_given_up_and_not_tried_again(tmp_path: Path, world: World) -> None:
    let_go = threading.Event()
    phase = Build(world, "prepare", ["a"], nodes=NODES)

    def block(step: Step, action: Action) -> None:
        if step.node == "master":
            let_go.wait(60)

    phase.before_each = block
    phase.timeout_s = 0.3
    heard = command(tmp_path, [phase], Settings(grace_s=0.1))

    assert heard.command.perform(GO) is ExitCode.TIMEOUT
    let_go.set()
    while ("master", "a") not in phase.acted:
        time.sleep(0.01)
    time.sleep(0.05)

    assert read(Runs(tmp_path).newest("./inv rebuild"))[0][-1].kind is Kind.RUN_ENDED
    assert [record for record in records(tmp_path, Kind.STEP_DONE) if record.node == "master"] == []
    (failure,) = records(tmp_path, Kind.STEP_FAILED)
    assert (failure.node, failure.code, failure.retry_in_s) == ("master", "E-OVERDUE", None)
    assert {node for node, _ in phase.acted} >= {"api-waste", "worker-ai"}


def test_waiting_for_the_next_attempt_is_not_being_overdue(tmp_path: Path, world: World) -> None:
    phase = Build(world, "prepare", ["a"], before_each=failing([PortClosed("22")]))
    phase.errors = ERRORS
    phase.timeout_s = 1.0
    phase.retry = Retry(attempts=2, first_s=3.0)

    assert command(tmp_path, [phase], Settings(grace_s=0.1)).command.perform(GO) is ExitCode.DONE


def test_a_step_waits_longer_each_time_within_its_bound_and_never_all_of_it() -> None:
    retry = Retry(attempts=7, first_s=1, longest_s=10)
    waits = [[retry.wait_s(attempt, random.Random(seed)) for attempt in range(1, 8)] for seed in range(50)]

    for full, column in zip((1, 2, 4, 8, 10, 10), zip(*waits, strict=True), strict=False):
        assert all(wait is not None and full / 2 <= wait <= full for wait in column)
        assert len(set(column)) > 1
    assert {row[-1] for row in waits} == {None}


def contradicting(world: World, wrong: str) -> list[Build]:
    one, two = Build(world, "one", ["a"], nodes=NODES), Build(world, "two", ["a"])
    if wrong == "name twice":
        two.name = "one"
    elif wrong == "node twice":
        one.nodes = ("master", "master")
    elif wrong == "no parallel":
        one.parallel = 0
    elif wrong == "no time":
        one.timeout_s = 0
    else:
        one.errors = ERRORS
        two.errors = (ErrorClass(KeyError, "E-SSH-PORT", False, "another cause", "another remedy"),)
    return [one, two]


@pytest.mark.parametrize("wrong", ["name twice", "node twice", "no parallel", "no time", "code with two meanings"])
def test_a_list_of_phases_that_contradicts_itself_is_refused(world: World, wrong: str) -> None:
    phases = contradicting(world, wrong)

    with pytest.raises(PhasesError):
        checked(phases)


def test_an_error_code_has_the_form_of_one() -> None:
    with pytest.raises(PhasesError, match="'ssh' is no error code"):
        ErrorClass(KeyError, "ssh", False, "", "")
