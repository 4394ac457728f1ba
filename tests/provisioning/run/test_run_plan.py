"""A plan says what the run does: no more, no less, and nothing is touched by making it."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioning.run import ExitCode, Options, Step
from tests.provisioning.run.world import NODES, Build, Make, World, cluster, command

PLAN = Options(plan=True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


THINGS = st.lists(st.sampled_from(["a", "b", "c!", "d"]), unique=True, max_size=4)
PHASES = st.lists(st.tuples(THINGS, st.one_of(st.none(), st.just(NODES), st.just(NODES[:1]))), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=PHASES, there=st.sets(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", "c!", "d"]))))
def test_whatever_is_there_and_whatever_is_wanted_the_plan_is_what_is_done(
    tmp_path_factory: pytest.TempPathFactory,
    made: list[tuple[list[str], tuple[str, ...] | None]],
    there: set[tuple[int, str]],
) -> None:
    home = tmp_path_factory.mktemp("plan")
    worlds = [World(home / f"world-{number}") for number in range(len(made))]
    for number, thing in there:
        if number < len(worlds):
            worlds[number].make(f"{NODES[number % 3] if number else 'cluster'}.{thing}")
    phases = [
        Build(worlds[number], f"phase-{number}", wants, nodes=nodes) for number, (wants, nodes) in enumerate(made)
    ]
    before = [world.things for world in worlds]

    planned = command(home, phases)
    code = planned.command.perform(Options(plan=True, json=True))
    plan = json.loads(planned.out.getvalue())
    assert [world.things for world in worlds] == before
    assert [phase.acted for phase in phases] == [[]] * len(phases)

    assert command(home, phases).command.perform(Options(yes=True)) is ExitCode.DONE

    promised = {(step["phase"], step["node"], action["id"]) for step in plan["steps"] for action in step["actions"]}
    done = [(phase.name, node, thing) for phase in phases for node, thing in phase.acted]
    assert len(done) == len(set(done)) == plan["changes"]
    assert set(done) == promised
    assert code is (ExitCode.PLAN_HAS_CHANGES if promised else ExitCode.DONE)
    assert command(home, phases).command.perform(PLAN) is ExitCode.DONE


def test_steps_that_wait_for_an_earlier_phase_are_known_only_later_and_count_as_changes(
    tmp_path: Path, world: World
) -> None:
    heard = command(tmp_path, cluster(world))

    assert heard.command.perform(PLAN) is ExitCode.PLAN_HAS_CHANGES

    assert heard.out.getvalue().splitlines() == [
        "Network",
        "  the cluster",
        "    + make subnet",
        "    + make vpc",
        "Prepare",
        "  master",
        "    ? known only later: cluster.vpc is not there",
        "  api-waste",
        "    ? known only later: cluster.vpc is not there",
        "  worker-ai",
        "    ? known only later: cluster.vpc is not there",
        "Init",
        "  the cluster",
        "    ? known only later: master.kubelet is not there",
        "Join",
        "  master",
        "    ? known only later: cluster.init! is not there",
        "  api-waste",
        "    ? known only later: cluster.init! is not there",
        "  worker-ai",
        "    ? known only later: cluster.init! is not there",
        "Plan: 2 changes, 7 steps known only later.",
    ]
    assert not (tmp_path / "runs").exists()


class Unreachable(Build):
    def facts(self, step: Step) -> frozenset[str]:
        if step.node == "master":
            raise ConnectionRefusedError("port 22")
        return super().facts(step)


def test_a_plan_names_every_step_that_cannot_be_planned_and_ends_with_its_class(tmp_path: Path, world: World) -> None:
    phases = [Unreachable(world, "prepare", ["a"], nodes=NODES), Build(world, "last", ["b"])]
    heard = command(tmp_path, phases)

    assert heard.command.perform(PLAN) is ExitCode.CONNECTION

    assert "! ConnectionRefusedError: port 22 (E-CONNECTION)" in heard.text
    assert "api-waste\n    + make a" in heard.text
    assert "the cluster\n    + make b" in heard.text
    assert "1 step could not be planned" in heard.text


def test_without_agreement_nothing_is_destroyed_and_with_it_only_what_was_shown(tmp_path: Path, world: World) -> None:
    phases = [Build(world, "upgrade", ["drain", "install"], nodes=NODES[:2], destructive=["drain"])]

    unasked = command(tmp_path, phases)
    assert unasked.command.perform(Options()) is ExitCode.NOT_AGREED
    assert "- make drain [destructive]" in unasked.text

    declined = command(tmp_path, phases, ask=lambda question: "n")
    assert declined.command.perform(Options()) is ExitCode.NOT_AGREED
    assert world.things == set()

    asked: list[str] = []
    agreed = command(tmp_path, phases, ask=lambda question: asked.append(question) or "y")  # type: ignore[func-returns-value]
    assert agreed.command.perform(Options()) is ExitCode.DONE
    assert asked == ["eco2: 2 destructive actions. Go on? [y/N] "]
    assert len(world.things) == 4


def test_what_is_not_destructive_needs_no_agreement(tmp_path: Path, world: World) -> None:
    assert command(tmp_path, cluster(world)).command.perform(Options()) is ExitCode.DONE


def test_a_destructive_action_that_turns_up_later_is_not_covered_by_an_earlier_yes(
    tmp_path: Path, world: World
) -> None:
    """The second phase shows what it needs only once the first has acted."""
    phases = [
        Build(world, "first", ["a", "wipe"], destructive=["wipe"]),
        Build(world, "second", ["reset"], nodes=NODES, needs="cluster.a", destructive=["reset"]),
    ]
    heard = command(tmp_path, phases, ask=lambda question: "yes")

    assert heard.command.perform(Options()) is ExitCode.NOT_AGREED
    assert world.things == {"cluster.a", "cluster.wipe"}

    resumed = command(tmp_path, phases, ask=lambda question: "yes")
    assert resumed.command.perform(Options(resume=True)) is ExitCode.DONE
    assert {f"{node}.reset" for node in NODES} < world.things


def test_ctrl_c_at_the_question_changes_nothing(tmp_path: Path, world: World) -> None:
    def interrupted(question: str) -> str:
        raise KeyboardInterrupt

    phases = [Build(world, "upgrade", ["drain"], destructive=["drain"])]

    assert command(tmp_path, phases, ask=interrupted).command.perform(Options()) is ExitCode.INTERRUPTED
    assert world.things == set()


def test_two_actions_of_one_id_are_a_mistake_that_is_said(tmp_path: Path, world: World) -> None:
    class Twice(Build):
        def plan(self, facts: frozenset[str]) -> list[Make]:
            return [*super().plan(facts), *super().plan(facts)]

    heard = command(tmp_path, [Twice(world, "prepare", ["a"])])

    assert heard.command.perform(Options(yes=True)) is ExitCode.RUNTIME
    assert "two actions of one id" in heard.text
    assert world.things == set()
