"""A run as a process of its own: ``python -m tests.provisioning.run.driver HOME KIND [--resume] [--json]``.

The middle of its three phases holds every node until it is interrupted. KIND says how: ``patient`` looks whether it
should stop, ``stubborn`` does not, ``overdue`` does not either and has little time, ``quick`` does not wait at all.
"""

import sys
import time
from pathlib import Path

from provisioning.run import Command, Options, Settings, Step
from tests.provisioning.run.world import NODES, Build, Make, World

LONG_S = 60.0


def main(home: Path, kind: str, options: Options) -> int:
    def hold(step: Step, action: Make) -> None:
        if kind == "patient":
            step.wait(LONG_S)
        elif kind != "quick":
            time.sleep(LONG_S)

    world = World(home / "world")
    phases = [
        Build(world, "first", ["a"], nodes=NODES),
        Build(world, "middle", ["b"], nodes=NODES, before_each=hold),
        Build(world, "last", ["c"], nodes=NODES),
    ]
    phases[1].timeout_s = 0.3 if kind == "overdue" else LONG_S
    command = Command(("./inv", "rebuild"), "eco2", phases, home, Settings(grace_s=0.1))
    return int(command.perform(options))


if __name__ == "__main__":
    flags = sys.argv[3:]
    sys.exit(
        main(Path(sys.argv[1]), sys.argv[2], Options(yes=True, resume="--resume" in flags, json="--json" in flags))
    )
