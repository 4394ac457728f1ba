"""Runs the parts in turn, each in processes of its own: a round holds everybody, so that all meet the same weather."""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.journal import report, stack
from benchmarks.journal.processes import measure
from benchmarks.journal.sizes import FULL, QUICK, ROOT, Sizes

OURS = "ours"
SYSTEMS = {
    "ours": "ours",
    "celery": "celery_rabbitmq",
    "celery+postgresql": "celery_rabbitmq",
    "dramatiq": "dramatiq_rabbitmq",
    "huey": "huey_sqlite",
    "procrastinate": "procrastinate_postgresql",
    "dbos": "dbos_postgresql",
}
CRASHED = [name for name in SYSTEMS if name != "celery+postgresql"]
TIMEOUT_S = 300.0


@dataclass
class Bench:
    """Measures one thing after the other and keeps what it found: ``found[key]`` holds one entry a round."""

    environment: dict[str, str]
    peers: Path
    sizes: Sizes
    found: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def take(self, key: str, python: Path | str, module: str, *arguments: object, **environment: str) -> None:
        """A failure is a finding too: it is kept, and the others go on."""
        began = time.monotonic()
        try:
            values = measure(
                python,
                f"benchmarks.journal.{module}",
                *arguments,
                environment={**self.environment, **environment, "PYTHONWARNINGS": "ignore"},
                timeout_s=TIMEOUT_S,
            )
        except Exception as error:
            values = {"failed": str(error).strip().splitlines()[-1]}
        self.found.setdefault(key, []).append(values)
        shown = "  ".join(f"{name} {report.figure(value)}" for name, value in values.items())
        print(f"  {key:28} {shown}  ({time.monotonic() - began:.0f} s)", flush=True)

    def alone(self) -> None:
        seconds = self.sizes.cell_s
        for batch in (1, 100):
            self.take(f"alone raw {batch}", sys.executable, "transitions", "raw", batch, seconds)
        for concurrent in self.sizes.concurrent:
            for kind in ("threads", "greenlets"):
                self.take(f"alone {kind} {concurrent}", sys.executable, "transitions", kind, concurrent, seconds)
            self.take(f"alone huey {concurrent}", self.peers, "transitions", "huey", concurrent, seconds)
        for kind in ("paced-greenlets", "paced-threads"):
            rate = self.sizes.paced_rate
            self.take(f"alone {kind}", sys.executable, "transitions", kind, rate, self.sizes.paced_s)

    def systems(self, act: str, count: int, names: list[str]) -> None:
        for name in names:
            python = sys.executable if name == OURS else self.peers
            results = {"BENCH_RESULTS": "1"} if name == "celery+postgresql" else {}
            self.take(f"{act} {name}", python, "drive", SYSTEMS[name], act, count, **results)


def _parts(bench: Bench) -> Iterator[str]:
    """The whole of it; each value says what comes next."""
    sizes = bench.sizes
    for number in range(1, sizes.rounds + 1):
        yield f"round {number} of {sizes.rounds}: the journal alone"
        bench.alone()
        yield f"round {number}: {sizes.flow} tasks end to end"
        bench.systems("flow", sizes.flow, list(SYSTEMS))
        yield f"round {number}: a backlog of {sizes.backlog}"
        bench.systems("backlog", sizes.backlog, list(SYSTEMS))
        yield f"round {number}: killed in the middle of {sizes.crash} tasks"
        bench.systems("crash", sizes.crash, CRASHED)
        yield f"round {number}: sync of {sizes.sync} rows"
        bench.take("sync", sys.executable, "sync_rate", sizes.sync)
    yield f"recovery of {sizes.recovery} tasks"
    bench.take("recovery", sys.executable, "recovery", sizes.recovery)
    yield f"memory while {sizes.memory} rows wait"
    bench.take("memory", sys.executable, "memory", sizes.memory, sizes.memory_s)


def run(quick: bool, out: Path) -> None:
    """See `benchmarks.journal.main`."""
    sizes = QUICK if quick else FULL
    peers = stack.peers_python()
    began = time.monotonic()
    with stack.parts() as environment:
        bench = Bench(environment, peers, sizes)
        results: dict[str, Any] = {
            "quick": quick,
            "sizes": asdict(sizes),
            "machine": stack.machine(environment),
            "versions": stack.versions(peers),
        }
        for title in _parts(bench):
            print(f"{title} (load {os.getloadavg()[0]:.1f}, {time.monotonic() - began:.0f} s so far)", flush=True)
        results["machine"]["load at the end"] = "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg())
        results["machine"]["time taken"] = f"{(time.monotonic() - began) / 60:.0f} min"
        results["found"] = bench.found
    raw = ROOT / ".eco2" / ("benchmark-quick.json" if quick else "benchmark.json")
    raw.write_text(json.dumps(results, indent=1), encoding="utf-8")
    report.write(results, out, peers)
    print(f"written to {out}, the raw figures to {raw}")
