"""What the tool itself costs in a rebuild, and how it scales with the number of nodes: ``./inv bench.provisioning``.

The machines are real sshd with a model behind their commands (tests/doubles/hosts), which is told how long the slow
commands take: so long as packages, images and kubeadm take on a small machine in the cloud, only shorter. Whatever a
phase takes beyond them is the tool's, and the doubles', whose work is done by the same processor: an upper bound.

Two measurements, each in a world of its own: all nodes, the whole rebuild; and one node through each parallel phase.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from provisioning.run import ExitCode
from tests.provisioning.rebuild.world import Ran, RebuildWorld

# Command -> seconds. A real installation of the packages takes some 20 s, kubeadm init 30 s, a join 10 s.
DELAYS = {
    r"^apt-get .*install": 8.0,
    r"^crictl pull .*kube-proxy": 6.0,
    r"^kubeadm init --": 10.0,
    r"^kubeadm join": 8.0,
}
# Phase -> the seconds of its slowest node that are the machine's own.
REMOTE = {"prepare": 8.0, "images": 6.0, "init": 10.0, "join": 8.0}
PARALLEL = ("reach", "prepare", "images", "join", "label")
OVERHEAD_S = 2.0
SCALES = 1.3


def walls(world: RebuildWorld) -> dict[str, float]:
    """Phase -> seconds, of all runs of this world so far; where one ran twice, the last."""
    runs = sorted((world.site.folder / "runs").glob("*.jsonl"))
    records = [json.loads(line) for run in runs for line in run.read_text().splitlines()]
    return {each["phase"]: each["took_s"] for each in records if each["kind"] == "phase_done"}


def done(ran: Ran) -> None:
    if ran.code != ExitCode.DONE:
        raise SystemExit(ran.text)


def all_nodes(folder: Path) -> tuple[dict[str, float], float, float]:
    """The whole rebuild: seconds by phase, in all, and of a second run that changes nothing."""
    with RebuildWorld(folder) as world:
        world.delays.update(DELAYS)
        before = world.run("rebuild", "--only", "preflight,terraform")
        done(before)
        world.booted()
        first = world.run("rebuild", "--from", "reach")
        done(first)
        measured = walls(world)
        second = world.run("rebuild")
        done(second)
        return measured, before.took_s + first.took_s, second.took_s


def one_node(folder: Path) -> dict[str, float]:
    """Each parallel phase for one node alone; what stands between is done for the control plane only."""
    with RebuildWorld(folder) as world:
        world.delays.update(DELAYS)
        control_plane, node = world.site.control_plane, world.site.nodes[1]
        done(world.run("rebuild", "--only", "preflight,terraform"))
        world.booted()
        done(world.run("rebuild", "--only", "reach,prepare,images", "--nodes", node))
        measured = walls(world)
        done(world.run("rebuild", "--only", "reach,prepare,images,init", "--nodes", control_plane))
        done(world.run("rebuild", "--only", "network,cloud-controller"))
        done(world.run("rebuild", "--only", "join,label", "--nodes", node))
        return measured | {phase: took for phase, took in walls(world).items() if phase in ("join", "label")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eco2-bench-") as folder:
        one = one_node(Path(folder, "one"))
        every, first_s, second_s = all_nodes(Path(folder, "all"))
    rows = [
        {
            "phase": phase,
            "all_s": took,
            "one_s": one.get(phase) if phase in PARALLEL else None,
            "machines_s": REMOTE.get(phase, 0.0),
            "overhead_s": round(took - REMOTE.get(phase, 0.0), 3),
            "ratio": round(took / one[phase], 2) if phase in PARALLEL else None,
        }
        for phase, took in every.items()
    ]
    parallel = [row for row in rows if row["ratio"] is not None]
    summed = sum(row["all_s"] for row in parallel) / sum(row["one_s"] for row in parallel)
    summary = {"phases": rows, "parallel_ratio": round(summed, 2), "first_s": first_s, "second_s": second_s}
    if parsed.json:
        print(json.dumps(summary, indent=2))
        return 0
    table = Table(title="A rebuild on simulated machines")
    for title in ("phase", "all nodes, s", "one node, s", "of it the machines', s", "the tool's, s", "all / one"):
        table.add_column(title, justify="left" if title == "phase" else "right")
    for row in rows:
        shown = [row[key] for key in ("all_s", "one_s", "machines_s", "overhead_s", "ratio")]
        table.add_row(str(row["phase"]), *("" if value is None else f"{value:.2f}" for value in shown))
    console = Console()
    console.print(table)
    over = [row["phase"] for row in rows if row["overhead_s"] >= OVERHEAD_S]
    console.print(f"Overhead below {OVERHEAD_S:g} s in each phase: {'all' if not over else 'not ' + ', '.join(over)}.")
    console.print(f"The parallel phases together: {summed:.2f} times one node's (at most {SCALES:g} wanted).")
    console.print(f"The whole: {first_s:.1f} s; a second run, which changes nothing: {second_s:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
