"""Kills a rebuild at the beginning of every phase and at random moments, and looks whether the end is the same.

    python -m tests.provisioning.rebuild.soak --moments 50 [--seed N] [--json]

Each moment is a cluster of its own, from nothing: killed once, resumed, and then held against what one run must have
done. Exit code 1 when one of them differs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from provisioning.run import ExitCode
from tests.provisioning.rebuild.test_from_nothing_to_verified import PHASES
from tests.provisioning.rebuild.test_killed_at_any_moment import begun, check
from tests.provisioning.rebuild.world import RebuildWorld

# The longest that a whole run took here, in seconds: later kills would meet a run that has ended.
LONGEST_RUN_S = 45.0


def survives(folder: Path, moment: Callable[[RebuildWorld], Callable[[], bool]]) -> tuple[str, str]:
    """Where the run was killed, and what was wrong at the end (nothing: all as it must be)."""
    with RebuildWorld(folder) as world:
        killed = world.killed("rebuild", when=moment(world))
        last = next((record for record in reversed(world.journal()) if record.get("phase")), {})
        where = f"{last.get('phase', 'before the first phase')} {last.get('node') or ''} {last.get('kind', '')}".strip()
        if killed.code == ExitCode.DONE:
            return "after its end", ""
        words = ("rebuild", "--resume") if world.journal() else ("rebuild",)
        resumed = world.run(*words)
        if resumed.code != ExitCode.DONE:
            return where, f"--resume ended with {resumed.code}:\n{resumed.text}"
        try:
            check(world)
        except AssertionError as error:
            return where, str(error)
        return where, "\n".join(world.violations())


def _at(phase: str) -> Callable[[RebuildWorld], Callable[[], bool]]:
    return lambda world: lambda: begun(world, phase)


def _after(seconds: float) -> Callable[[RebuildWorld], Callable[[], bool]]:
    def moment(world: RebuildWorld) -> Callable[[], bool]:
        until = time.monotonic() + seconds
        return lambda: time.monotonic() > until

    return moment


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--json", action="store_true")
    parsed = parser.parse_args()
    chance = random.Random(parsed.seed)
    moments = [(f"at the beginning of {phase}", _at(phase)) for phase in PHASES]
    times = [chance.uniform(0.5, LONGEST_RUN_S) for _ in range(parsed.moments)]
    bad, where = [], []
    for number in range(len(moments) + len(times)):
        if number < len(moments):
            name, moment = moments[number]
        else:
            seconds = times[number - len(moments)]
            name, moment = f"after {seconds:.1f} s", _after(seconds)
        with tempfile.TemporaryDirectory(prefix="eco2-soak-") as folder:
            place, wrong = survives(Path(folder), moment)
        where.append(place)
        if wrong:
            bad.append({"moment": name, "where": place, "wrong": wrong})
        if not parsed.json:
            print(
                f"{number + 1:>3}  killed {name}, in {place}: {'WRONG ' + wrong if wrong else 'the same'}", flush=True
            )
    summary = {"seed": parsed.seed, "killed": len(where), "wrong": bad, "where": where}
    if parsed.json:
        print(json.dumps(summary, ensure_ascii=False, indent=2))
    else:
        print(f"Killed {len(where)} times (seed {parsed.seed}): {len(bad)} ended differently.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
