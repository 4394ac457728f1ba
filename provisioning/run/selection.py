"""Which phases and nodes a run is about: all, or those that were asked for by name."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rapidfuzz import fuzz, process

from provisioning.run.errors import SelectionError
from provisioning.run.phase import AnyPhase
from provisioning.run.records import StepKey


@dataclass(frozen=True)
class Selection:
    """``only`` names phases; ``from_`` the first of a run to the end; ``nodes`` limits the steps that have a node
    (what happens once for the cluster stays in). All empty: everything."""

    only: tuple[str, ...] = ()
    from_: str | None = None
    nodes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "Selection":
        return cls(tuple(stored.get("only", ())), stored.get("from_"), tuple(stored.get("nodes", ())))


@dataclass(frozen=True)
class Chosen:
    """A phase and the nodes on which it will run; ``(None,)`` for the cluster as a whole."""

    phase: AnyPhase
    nodes: tuple[str | None, ...]

    @property
    def steps(self) -> tuple[StepKey, ...]:
        return tuple((self.phase.name, node) for node in self.nodes)


def choose(phases: Sequence[AnyPhase], selection: Selection) -> list[Chosen]:
    """The chosen phases in their order. Raises `SelectionError` for names that do not exist."""
    names = [phase.name for phase in phases]
    nodes = [node for phase in phases for node in phase.nodes or ()]
    if selection.only and selection.from_ is not None:
        raise SelectionError("only and from cannot be given together")
    for name in (*selection.only, *([selection.from_] if selection.from_ is not None else [])):
        _known("phase", name, names)
    for node in selection.nodes:
        _known("node", node, nodes)
    first = names.index(selection.from_) if selection.from_ is not None else 0
    return [
        Chosen(phase, _nodes(phase, selection))
        for phase in phases[first:]
        if not selection.only or phase.name in selection.only
        if _nodes(phase, selection)
    ]


def _nodes(phase: AnyPhase, selection: Selection) -> tuple[str | None, ...]:
    if phase.nodes is None:
        return (None,)
    return tuple(node for node in phase.nodes if not selection.nodes or node in selection.nodes)


def _known(what: str, name: str, names: Iterable[str]) -> None:
    choices = sorted(set(names))
    if name in choices:
        return
    near = process.extractOne(name, choices, scorer=fuzz.ratio, processor=str.lower, score_cutoff=60)
    hint = f" (did you mean {near[0]}?)" if near else f"; there are {', '.join(choices) or 'none'}"
    raise SelectionError(f"there is no {what} {name!r}{hint}")
