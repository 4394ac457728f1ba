"""Kills a rebuild at random moments, again and again until it is through, and looks whether the end is the same.

    python -m tests.provisioning.rebuild.soak --moments 50 [--seed N] [--json]

Each cluster begins from nothing; its run is killed, resumed, killed again, as often as it takes, and in the end held
against what one run must have done. As many clusters as it takes for so many moments. Exit code 1 when one differs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from provisioning.run import ExitCode
from tests.provisioning.rebuild.test_killed_at_any_moment import check
from tests.provisioning.rebuild.world import RebuildWorld

# How long a run lives, in seconds: long enough to get into any phase, too short for most to get through it.
SHORTEST_S, LONGEST_S = 1.0, 9.0


def one_cluster(folder: Path, chance: random.Random, most: int) -> tuple[list[str], str]:
    """Where its runs were killed (at most so often), and what was wrong at the end; empty: all as it must be."""
    where: list[str] = []
    with RebuildWorld(folder) as world:
        words: tuple[str, ...] = ("rebuild",)
        while len(where) < most:
            until = time.monotonic() + chance.uniform(SHORTEST_S, LONGEST_S)
            ran = world.killed(*words, when=lambda until=until: time.monotonic() > until)
            if ran.code == ExitCode.DONE:
                break
            if ran.code >= 0:
                return where, f"a run ended with {ran.code}:\n{ran.text}"
            where.append(_last(world.journal()))
            words = ("rebuild", "--resume") if world.journal() else ("rebuild",)
        ended = world.run(*words)
        if ended.code != ExitCode.DONE:
            return where, f"the last run ended with {ended.code}:\n{ended.text}"
        try:
            check(world)
        except AssertionError as error:
            return where, str(error)
        return where, "\n".join(world.violations())


def _last(journal: list[dict[str, Any]]) -> str:
    """The last thing that a journal knows: ``prepare k8s-redis step_acting``."""
    last = next((record for record in reversed(journal) if record.get("phase")), {})
    return " ".join(str(last[key]) for key in ("phase", "node", "kind") if last.get(key)) or "before the first phase"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--json", action="store_true")
    parsed = parser.parse_args()
    chance = random.Random(parsed.seed)
    where: list[str] = []
    wrong: list[str] = []
    clusters = 0
    while len(where) < parsed.moments and not wrong:
        clusters += 1
        with tempfile.TemporaryDirectory(prefix="eco2-soak-") as folder:
            killed, what = one_cluster(Path(folder), chance, parsed.moments - len(where))
        where += killed
        wrong += [what] if what else []
        if not parsed.json:
            for place in killed:
                print(f"  killed at {place}")
            print(
                f"cluster {clusters}: {len(killed)} times, {'WRONG: ' + what if what else 'the same end'}", flush=True
            )
    if parsed.json:
        print(json.dumps({"seed": parsed.seed, "killed": where, "clusters": clusters, "wrong": wrong}, indent=2))
    else:
        print(f"Killed {len(where)} times in {clusters} clusters (seed {parsed.seed}): {len(wrong)} ended differently.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
