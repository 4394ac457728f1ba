"""``--resume``: what is done is left alone, what was begun is planned from facts, what has changed is done again."""

import dataclasses
from pathlib import Path

import pytest

from provisioning.run import ExitCode, Options, Selection, Step
from provisioning.run.journal import read
from provisioning.run.records import Kind
from provisioning.run.runs import Runs
from tests.provisioning.run.world import Build, Make, World, cluster, command, whole

GO = Options(yes=True)
RESUME = Options(yes=True, resume=True)


class Broken(Exception):
    pass


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


def stopped_at_the_worker(tmp_path: Path, world: World) -> None:
    """A run that has failed in `prepare` on one node, after the first of its two actions."""
    phases = cluster(world)

    def fail(step: Step, action: Make) -> None:
        if step.node == "worker-ai" and action.id == "runtime":
            raise Broken("apt is locked")

    phases[1].before_each = fail
    assert command(tmp_path, phases).command.perform(GO) is ExitCode.RUNTIME


def test_a_finished_step_is_neither_read_nor_done_again_and_the_rest_is(tmp_path: Path, world: World) -> None:
    stopped_at_the_worker(tmp_path, world)
    phases = cluster(world)

    assert command(tmp_path, phases).command.perform(RESUME) is ExitCode.DONE

    assert phases[0].read == []
    assert set(phases[1].read) == {"worker-ai"}
    assert phases[1].acted == [("worker-ai", "runtime")]
    assert world.things == whole()
    assert len(list((tmp_path / "runs").glob("*.jsonl"))) == 1


def test_resuming_what_is_finished_reads_nothing(tmp_path: Path, world: World) -> None:
    command(tmp_path, cluster(world)).command.perform(GO)
    phases = cluster(world)

    assert command(tmp_path, phases).command.perform(RESUME) is ExitCode.DONE
    assert [phase.read for phase in phases] == [[], [], [], []]


def test_a_finished_step_with_other_inputs_runs_again(tmp_path: Path, world: World) -> None:
    stopped_at_the_worker(tmp_path, world)
    phases = cluster(world)
    phases[0].wants = ["vpc", "subnet", "gateway"]

    assert command(tmp_path, phases).command.perform(RESUME) is ExitCode.DONE
    assert phases[0].acted == [(None, "gateway")]


def test_when_an_earlier_step_acts_again_the_later_ones_on_its_node_are_looked_at_again(
    tmp_path: Path, world: World
) -> None:
    """A machine that was made anew has lost what later phases had put on it."""
    stopped_at_the_worker(tmp_path, world)
    phases = cluster(world)
    phases[0].wants = ["vpc", "subnet", "gateway"]

    command(tmp_path, phases).command.perform(RESUME)

    assert set(phases[1].read) == {"master", "api-waste", "worker-ai"}


def test_an_earlier_step_that_looks_and_does_nothing_does_not_disturb_the_later_ones(
    tmp_path: Path, world: World
) -> None:
    stopped_at_the_worker(tmp_path, world)
    world.make("cluster.gateway")
    phases = cluster(world)
    phases[0].wants = ["vpc", "subnet", "gateway"]

    command(tmp_path, phases).command.perform(RESUME)

    assert (phases[0].acted, set(phases[1].read)) == ([], {"worker-ai"})


def test_a_resumed_run_keeps_the_selection_it_began_with_unless_another_is_given(tmp_path: Path, world: World) -> None:
    selection = Selection(only=("network", "prepare"), nodes=("master",))
    command(tmp_path, cluster(world)).command.perform(Options(selection, yes=True))
    phases = cluster(world)

    command(tmp_path, phases).command.perform(RESUME)
    assert [phase.read for phase in phases] == [[], [], [], []]

    command(tmp_path, phases).command.perform(Options(Selection(only=("init",)), yes=True, resume=True))
    assert len(phases[2].acted) == 2


def test_without_a_run_there_is_nothing_to_resume(tmp_path: Path, world: World) -> None:
    heard = command(tmp_path, cluster(world))

    assert heard.command.perform(RESUME) is ExitCode.CONFIGURATION
    assert "E-NOTHING-TO-RESUME" in heard.text


def test_the_run_of_another_command_is_not_resumed(tmp_path: Path, world: World) -> None:
    """What an upgrade has changed since, the rebuild's journal does not know."""
    stopped_at_the_worker(tmp_path, world)
    heard = command(tmp_path, cluster(world))
    upgrade = dataclasses.replace(heard.command, words=("./inv", "upgrade"))

    assert upgrade.perform(RESUME) is ExitCode.CONFIGURATION
    assert "the last run was ./inv rebuild, not ./inv upgrade" in heard.text


def test_a_run_that_could_not_even_say_that_it_began_is_no_run(tmp_path: Path, world: World) -> None:
    stopped_at_the_worker(tmp_path, world)
    before = Runs(tmp_path).newest("./inv rebuild")
    (tmp_path / "runs" / "99990101T000000.000000Z-abcdef.jsonl").write_bytes(b'{"seq": 1, "at"')

    assert Runs(tmp_path).newest("./inv rebuild") == before


def test_skipped_steps_are_in_the_journal_and_a_plan_of_what_is_left_names_no_other(
    tmp_path: Path, world: World
) -> None:
    stopped_at_the_worker(tmp_path, world)
    heard = command(tmp_path, cluster(world))

    assert heard.command.perform(Options(plan=True, resume=True)) is ExitCode.PLAN_HAS_CHANGES
    assert "worker-ai\n    + make runtime" in heard.out.getvalue()
    assert "make vpc" not in heard.out.getvalue()

    command(tmp_path, cluster(world)).command.perform(RESUME)
    skipped = [record for record in read(Runs(tmp_path).newest("./inv rebuild"))[0] if record.kind is Kind.STEP_SKIPPED]
    assert {record.step for record in skipped} == {("network", None), ("prepare", "master"), ("prepare", "api-waste")}


def test_a_failure_at_each_action_in_turn_and_a_resume_come_to_the_same_world(tmp_path: Path) -> None:
    for number in range(1, 20):
        home = tmp_path / str(number)
        world = World(home / "world")
        count = 0

        def fail(step: Step, action: Make, number: int = number) -> None:
            nonlocal count
            count += 1
            if count == number:
                raise Broken

        phases: list[Build] = cluster(world)
        for phase in phases:
            phase.before_each = fail
        first = command(home, phases).command.perform(GO)
        if first is ExitCode.DONE:
            assert number == len(whole()) + 1
            return
        assert command(home, cluster(world)).command.perform(RESUME) is ExitCode.DONE
        assert world.things == whole()
    raise AssertionError("the run never went through")
