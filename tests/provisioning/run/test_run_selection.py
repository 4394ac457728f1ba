"""Which steps a run is about, and what it says to names that do not exist."""

from pathlib import Path

import pytest

from provisioning.run import ExitCode, Options, Selection
from provisioning.run.errors import SelectionError
from provisioning.run.selection import choose
from tests.provisioning.run.world import NODES, World, cluster, command


def chosen(world: World, selection: Selection) -> list[tuple[str, tuple[str | None, ...]]]:
    return [(each.phase.name, each.nodes) for each in choose(cluster(world), selection)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


def test_nothing_asked_for_means_everything(world: World) -> None:
    assert chosen(world, Selection()) == [
        ("network", (None,)),
        ("prepare", NODES),
        ("init", (None,)),
        ("join", NODES),
    ]


def test_only_takes_the_named_phases_in_the_order_of_the_list(world: World) -> None:
    assert [name for name, _ in chosen(world, Selection(only=("join", "network")))] == ["network", "join"]


def test_from_takes_a_phase_and_all_after_it(world: World) -> None:
    assert [name for name, _ in chosen(world, Selection(from_="init"))] == ["init", "join"]


def test_nodes_limits_what_has_a_node_and_leaves_what_is_done_once(world: World) -> None:
    assert chosen(world, Selection(nodes=("worker-ai",))) == [
        ("network", (None,)),
        ("prepare", ("worker-ai",)),
        ("init", (None,)),
        ("join", ("worker-ai",)),
    ]


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (Selection(only=("prepair",)), "no phase 'prepair' (did you mean prepare?)"),
        (Selection(from_="JOINS"), "no phase 'JOINS' (did you mean join?)"),
        (Selection(nodes=("api-wast",)), "no node 'api-wast' (did you mean api-waste?)"),
        (Selection(nodes=("zzz",)), "no node 'zzz'; there are api-waste, master, worker-ai"),
        (Selection(only=("",)), "no phase ''"),
        (Selection(only=("join",), from_="init"), "cannot be given together"),
    ],
)
def test_a_name_that_does_not_exist_is_refused_with_the_nearest_that_does(
    tmp_path: Path, world: World, selection: Selection, told: str
) -> None:
    with pytest.raises(SelectionError) as refused:
        choose(cluster(world), selection)
    assert told in str(refused.value)

    heard = command(tmp_path, cluster(world))
    assert heard.command.perform(Options(selection, yes=True)) is ExitCode.CONFIGURATION
    assert told in heard.text
    assert not (tmp_path / "runs").exists()


def test_a_selection_survives_the_journal() -> None:
    for selection in (Selection(), Selection(only=("a", "b"), nodes=("c",)), Selection(from_="a")):
        assert Selection.from_dict(selection.as_dict()) == selection
