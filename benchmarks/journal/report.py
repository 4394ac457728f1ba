"""The report: tables of medians and ratios, the targets with what was not reached and why, and the plot.

``python -m benchmarks.journal.report FIGURES.json REPORT.md`` writes it again from the figures of a run.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.journal.sizes import ROOT
from benchmarks.journal.targets import UNMEASURED, Target, targets

NAMES = {
    "ours": "**Eco² journal**, RabbitMQ, synced to PostgreSQL",
    "celery": "Celery {celery}, RabbitMQ, no results",
    "celery+postgresql": "Celery {celery}, RabbitMQ, results in PostgreSQL",
    "dramatiq": "Dramatiq {dramatiq}, RabbitMQ",
    "huey": "Huey {huey}, SQLite, fsync",
    "procrastinate": "Procrastinate {procrastinate}, PostgreSQL",
    "dbos": "DBOS {dbos}, PostgreSQL",
}
KEEPS = {
    "ours": "row in the journal and in PostgreSQL, and an event",
    "celery": "nothing",
    "celery+postgresql": "row",
    "dramatiq": "nothing",
    "huey": "row",
    "procrastinate": "row, events",
    "dbos": "row",
}


def figure(value: object) -> str:
    """A number as one reads it."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


@dataclass
class Found:
    """Medians of the rounds."""

    results: dict[str, Any]

    def __call__(self, key: str, name: str) -> float | None:
        values = [each[name] for each in self.results["found"].get(key, []) if each.get(name) is not None]
        return statistics.median(values) if values else None

    def spread(self, key: str, name: str) -> str:
        values = sorted(each[name] for each in self.results["found"].get(key, []) if each.get(name) is not None)
        if not values:
            return "failed"
        middle = figure(float(statistics.median(values)))
        return middle if len(values) == 1 else f"{middle} ({figure(float(values[0]))}-{figure(float(values[-1]))})"

    def worst(self, key: str, name: str) -> float | None:
        values = [each.get(name) for each in self.results["found"].get(key, [])]
        return None if None in values or not values else max(values)

    def total(self, key: str, name: str) -> str:
        each = self.results["found"].get(key, [])
        return " + ".join(str(one.get(name, "failed" if "failed" in one else "?")) for one in each)

    def per_second(self, key: str, name: str, count: int) -> None:
        """Add ``rate`` to the rounds of `key`: `count` in `name` seconds."""
        for each in self.results["found"].get(key, []):
            if each.get(name):
                each[f"{name}_rate"] = count / each[name]


def write(results: dict[str, Any], out: Path, peers: Path) -> None:
    """The report to `out`, its plot to ``images/benchmark-journal.png`` beside it."""
    found = Found(results)
    for system in NAMES:
        for name in ("done_s", "put_s", "synced_s"):
            found.per_second(f"flow {system}", name, results["sizes"]["flow"])
    image = out.parent / "images" / "benchmark-journal.png"
    image.parent.mkdir(parents=True, exist_ok=True)
    sections = (_head, _targets, _alone, _flow, _sync, _recovery, _crash, _method)
    out.write_text("\n".join(section(found) for section in sections), encoding="utf-8")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(_plotted(found), file)
        file.flush()
        subprocess.run([peers, "-m", "benchmarks.journal.plot", file.name, image], cwd=ROOT, check=True)


def _table(head: list[str], rows: list[list[str]]) -> str:
    left = "| --- |" + " ---: |" * (len(head) - 1)
    return "\n".join([f"| {' | '.join(head)} |", left, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def _ratio(value: float | None, other: float | None) -> str:
    return "-" if not value or not other else f"{value / other:.2f}"


def _head(found: Found) -> str:
    machine = found.results["machine"]
    kind = "quick" if found.results["quick"] else "full"
    rounds = found.results["sizes"]["rounds"]
    lines = [
        "# Benchmarks of the journal\n",
        f"Written by `./inv bench.journal` ({kind} run, {machine['date']}): all systems on one machine, in one run, "
        f"in turn, {rounds} round{'s' * (rounds > 1)}; medians, the range of the rounds in brackets. The machine is "
        "small and was not idle: trust the ratios, not the absolute figures.\n",
        "![Rates beside the peers](images/benchmark-journal.png)\n",
        "; ".join(f"{name}: {value}" for name, value in machine.items() if name != "date") + ".\n",
    ]
    return "\n".join(lines)


def _targets(found: Found) -> str:
    rows = [[t.what, t.wanted, t.measured, "yes" if t.met else "**no**"] for t in targets(found)]
    missed = [t for t in targets(found) if not t.met and t.measured != UNMEASURED]
    text = "## Targets\n\n" + _table(["", "target", "measured", "met"], rows)
    if missed:
        text += "\nNot reached, and why:\n\n" + "".join(_why(target) for target in missed)
    return text


def _why(target: Target) -> str:
    return f"- **{target.what}**: {target.why}\n"


def _alone(found: Found) -> str:
    single = found("alone raw 1", "rate")
    rows = []
    for concurrent in found.results["sizes"]["concurrent"]:
        for kind, label in (("greenlets", "journal, greenlets"), ("threads", "journal, threads"), ("huey", "Huey")):
            key = f"alone {kind} {concurrent}"
            rows.append(
                [f"{label}, {concurrent} at once", found.spread(key, "rate"), _ratio(found(key, "rate"), single)]
            )
    for batch, label in ((1, "raw sqlite3, one commit a row"), (100, "raw sqlite3, 100 rows a commit")):
        key = f"alone raw {batch}"
        rows.append([label, found.spread(key, "rate"), _ratio(found(key, "rate"), single)])
    paced = [
        [label, *(found.spread(f"alone {kind}", name) for name in ("p50", "p99", "p999", "most", "rate"))]
        for kind, label in (("paced-greenlets", "greenlets"), ("paced-threads", "threads"))
    ]
    return (
        "## The journal alone\n\nTasks a second, each of three durable transitions (`synchronous=FULL`: a transition "
        "returns when it is on the disk). The ratio is to raw single commits.\n\n"
        + _table(["", "tasks/s", "ratio"], rows)
        + f"\nTime of a transition in ms while {found.results['sizes']['paced_rate']} tasks/s are offered, stalls "
        "included (the clock of a task starts when it was due):\n\n"
        + _table(["", "p50", "p99", "p99.9", "longest", "tasks/s reached"], paced)
    )


def _flow(found: Found) -> str:
    ours, ours_backlog = found("flow ours", "done_s_rate"), found("backlog ours", "rate")
    rows = []
    for system, name in NAMES.items():
        key, backlog = f"flow {system}", f"backlog {system}"
        rows.append(
            [
                name.format(**found.results["versions"]),
                found.spread(key, "put_s_rate"),
                found.spread(key, "done_s_rate"),
                _ratio(ours, found(key, "done_s_rate")),
                found.spread(backlog, "rate"),
                _ratio(ours_backlog, found(backlog, "rate")),
                KEEPS[system],
            ]
        )
    runs = found.results["found"]
    concurrency = "; ".join(f"{name}: {runs[f'flow {name}'][0].get('concurrency', '-')}" for name in NAMES)
    sizes = found.results["sizes"]
    return (
        f"## End to end\n\n{sizes['flow']} tasks that do nothing, put by eight callers of one process, as the requests "
        "of a gateway do, while one worker runs, until the last is completed; then the rate at which a worker works "
        f"off a backlog of {sizes['backlog']} (from the first 5 % to the last). Each in its documented durable set-up. "
        "*ours/theirs* above 1: ours is faster.\n\n"
        + _table(
            ["", "put/s", "put and completed/s", "ours/theirs", "backlog/s", "ours/theirs", "what it keeps"],
            rows,
        )
        + f"\nOurs counts as completed what the journal has on its disk; until all of it was in PostgreSQL as well: "
        f"{found.spread('flow ours', 'synced_s_rate')} tasks/s. Workers: {concurrency}.\n"
    )


def _sync(found: Found) -> str:
    copy = found("sync", "copy")
    batch, large = (int(found("sync", name) or 0) for name in ("batch", "large_batch"))
    rows = [
        [label, found.spread("sync", name), _ratio(found("sync", name), copy)]
        for name, label in (
            ("ours", f"`Syncer`, batches of {batch} (our default)"),
            ("ours_large", f"`Syncer`, batches of {large}"),
            ("copy", "COPY of the same rows, as a ready text"),
        )
    ]
    return (
        f"## Sync to PostgreSQL\n\n{found.results['sizes']['sync']} finished rows into `tasks.task_results`, from the "
        "journal, with an upsert and the mark in the journal; COPY does neither.\n\n"
        + _table(["", "rows/s", "of COPY"], rows)
    )


def _recovery(found: Found) -> str:
    def value(key: str, name: str) -> str:
        return figure(found(key, name))

    sizes = found.results["sizes"]
    memory = [
        [label, *(value("memory", f"{which}_{name}") for name in ("before", "after", "most", "slowest_ms"))]
        for which, label in (("empty", "empty journal"), ("full", f"{sizes['memory']} rows waiting"))
    ]
    return (
        f"## Recovery\n\nA worker that finds {sizes['recovery']} unfinished tasks listens to its queue again "
        f"{value('recovery', 'consumes_s')} s after its process started, has run a newly put task after "
        f"{value('recovery', 'new_task_s')} s, and works off the recovered ones at {value('recovery', 'rate')} a "
        f"second; {value('recovery', 'twice')} ran twice.\n\n"
        f"## Memory\n\nRSS of our worker in MiB while it works and PostgreSQL is away, for {sizes['memory_s']:g} s:\n\n"
        + _table(["", "before", "after", "most", "slowest task, ms"], memory)
        + f"\nWhile it brought them to PostgreSQL at {value('memory', 'catch_up_rate')} rows/s: "
        f"{value('memory', 'catch_up_most')} MiB at most. The journal file: {value('memory', 'file_mib')} MiB.\n"
    )


def _crash(found: Found) -> str:
    rows = [
        [
            name.format(**found.results["versions"]).replace(", no results", ""),
            *(found.total(f"crash {system}", each) for each in ("before", "lost", "twice", "died")),
        ]
        for system, name in NAMES.items()
        if f"crash {system}" in found.results["found"]
    ]
    return (
        f"## Crash\n\nSIGKILL to the worker and its children when a third of {found.results['sizes']['crash']} tasks "
        "of 30 ms has run, eight at once; then a new worker. A sum has one term a round. *Lost* is what has not run "
        "12 s after the last sign of life. No system can exclude *twice*: a kill may fall between a task's effect "
        "and the record of it.\n\n" + _table(["", "before the kill", "lost", "twice", "new worker died"], rows)
    )


def _method(found: Found) -> str:
    return (
        "## How it is measured\n\nThe code is `benchmarks/journal`; the peers are pinned with hashes in "
        "`benchmarks/requirements.lock` and live in a virtual environment of their own. RabbitMQ and PostgreSQL "
        "(`fsync=on`) are private, on loopback, and wiped at the end. Every process is new for every figure. A task "
        "appends eight bytes to a file, in every system. Celery: `acks_late`, `reject_on_worker_lost`, confirms. "
        "Dramatiq: `confirm_delivery`. Huey: `fsync=True`, results kept. DBOS: queue polled every 50 ms (its default "
        "is 1 s). Ours also tells each outcome as an event, with a confirm; the others do not.\n"
    )


def _plotted(found: Found) -> dict[str, Any]:
    versions = found.results["versions"]
    label = {name: text.format(**versions).replace("**", "") for name, text in NAMES.items()}
    levels = found.results["sizes"]["concurrent"]
    return {
        "levels": levels,
        "alone": {
            kind: [found(f"alone {kind} {n}", "rate") for n in levels] for kind in ("greenlets", "threads", "huey")
        },
        "raw": {batch: found(f"alone raw {batch}", "rate") for batch in (1, 100)},
        "flow": {label[name]: found(f"flow {name}", "done_s_rate") for name in NAMES},
        "backlog": {label[name]: found(f"backlog {name}", "rate") for name in NAMES},
    }


if __name__ == "__main__":
    from benchmarks.journal.stack import peers_python

    write(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]), peers_python())
