"""A small world in a folder, and phases that build it: what a run changes outlives the process that changed it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from provisioning.run import Action, AnyPhase, Command, Guard, NotYet, Phase, Retry, Screen, Settings, Step

NODES = ("master", "api-waste", "worker-ai")
AT_ONCE = Retry(attempts=3, first_s=0.001, longest_s=0.002)


class World:
    """Things exist or not; to make one that exists is a mistake that the world remembers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def has(self, thing: str) -> bool:
        return (self._folder / thing).exists()

    def make(self, thing: str) -> None:
        try:
            (self._folder / thing).touch(exist_ok=False)
        except FileExistsError:
            with (self._folder / "made-twice").open("a") as twice:
                twice.write(f"{thing}\n")
            raise

    @property
    def things(self) -> set[str]:
        return {path.name for path in self._folder.iterdir()}


@dataclass(frozen=True, kw_only=True)
class Make(Action):
    thing: str


class Build(Phase[frozenset[str], Make]):
    """Makes each wanted thing on each of its nodes. ``needs`` is a thing that has to be there first; a wanted thing
    with a ``!`` may be made once only."""

    retry = AT_ONCE

    def __init__(
        self,
        world: World,
        name: str,
        wants: Sequence[str],
        *,
        nodes: Sequence[str] | None = None,
        needs: str | None = None,
        destructive: Sequence[str] = (),
        pause_s: float = 0.0,
        before_each: Callable[[Step, Make], None] = lambda step, action: None,
    ) -> None:
        super().__init__(nodes)
        self.name = name
        self.title = name.capitalize()
        self.world = world
        self.wants = wants
        self.needs = needs
        self.destructive = destructive
        self.pause_s = pause_s
        self.before_each = before_each
        self.read: list[str | None] = []
        self.acted: list[tuple[str | None, str]] = []
        self._now: str | None = None

    def inputs(self, node: str | None) -> object:
        return {"wants": list(self.wants)}

    def facts(self, step: Step) -> frozenset[str]:
        self.read.append(step.node)
        if self.needs is not None and not self.world.has(self.needs):
            raise NotYet(f"{self.needs} is not there")
        place = step.node or "cluster"
        return frozenset(f"{place}.{want}" for want in self.wants if not self.world.has(f"{place}.{want}"))

    def plan(self, facts: frozenset[str]) -> Sequence[Make]:
        return [
            Make(
                id=thing.partition(".")[2],
                title=f"make {thing.partition('.')[2]}",
                thing=thing,
                destructive=thing.partition(".")[2] in self.destructive,
                guard=Guard.CLEAR if thing.endswith("!") else None,
            )
            for thing in sorted(facts)
        ]

    def act(self, step: Step, actions: Sequence[Make]) -> None:
        for action in actions:
            step.safe_point()
            step.say(action.title)
            self.before_each(step, action)
            time.sleep(self.pause_s)
            self.world.make(action.thing)
            self.acted.append((step.node, action.id))


def cluster(world: World, pause_s: float = 0.0, nodes: Sequence[str] = NODES) -> list[Build]:
    """A rebuild in small: a network, machines that need it, a control plane that begins once, nodes that join it."""
    return [
        Build(world, "network", ["vpc", "subnet"], pause_s=pause_s),
        Build(world, "prepare", ["kubelet", "runtime"], nodes=nodes, needs="cluster.vpc", pause_s=pause_s),
        Build(world, "init", ["init!", "keys"], needs="master.kubelet", pause_s=pause_s),
        Build(world, "join", ["joined!"], nodes=nodes, needs="cluster.init!", pause_s=pause_s),
    ]


def whole(nodes: Sequence[str] = NODES) -> set[str]:
    """What exists once the cluster is built."""
    cluster_things = {"cluster.vpc", "cluster.subnet", "cluster.init!", "cluster.keys"}
    return cluster_things | {f"{node}.{thing}" for node in nodes for thing in ("kubelet", "runtime", "joined!")}


@dataclass(frozen=True)
class Heard:
    """A command with ears: what it wrote."""

    command: Command
    out: io.StringIO
    err: io.StringIO

    @property
    def text(self) -> str:
        return self.out.getvalue() + self.err.getvalue()


def command(
    home: Path,
    phases: Sequence[AnyPhase],
    settings: Settings | None = None,
    ask: Callable[[str], str] | None = None,
) -> Heard:
    out, err = io.StringIO(), io.StringIO()
    return Heard(
        Command(
            words=("./inv", "rebuild"),
            cluster="eco2",
            phases=phases,
            home=home,
            settings=settings or Settings(),
            screen=Screen(out, err, ask),
        ),
        out,
        err,
    )
