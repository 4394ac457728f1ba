"""What the journal is to reach on this machine, judged on the medians of the run."""

from dataclasses import dataclass
from typing import Protocol

UNMEASURED = "not measured"
RECORD_KEEPERS = ("celery+postgresql", "procrastinate", "dbos")
"""They run a task at least once and keep a record of it. (Huey keeps results, but loses what a crash cuts off.)"""


class Found(Protocol):
    """The figures of a run."""

    def __call__(self, key: str, name: str) -> float | None:
        """The median of the rounds."""

    def worst(self, key: str, name: str) -> float | None:
        """The greatest of the rounds; None when one of them failed."""


@dataclass(frozen=True)
class Target:
    what: str
    wanted: str
    measured: str
    met: bool
    why: str


def _at_least(what: str, value: float | None, least: float, unit: str, why: str) -> Target:
    measured = UNMEASURED if value is None else f"{value:.2f}{unit}"
    return Target(what, f"≥ {least:g}{unit}", measured, value is not None and value >= least, why)


def _at_most(what: str, value: float | None, most: float, unit: str, why: str) -> Target:
    measured = UNMEASURED if value is None else f"{value:.1f}{unit}"
    return Target(what, f"≤ {most:g}{unit}", measured, value is not None and value <= most, why)


def _ratio(value: float | None, other: float | None) -> float | None:
    return value / other if value and other else None


def _why_lost(found: Found) -> str:
    if found.worst("crash ours", "died"):
        return (
            "the worker that was to go on after the kill ended by itself; what is missing is still in the queue and "
            "the journal, for a supervisor's next start, which this benchmark does not make."
        )
    return "what was still missing 12 s after the last sign of life of the worker that was to go on."


def targets(found: Found) -> list[Target]:
    """In the order of the report."""
    single = found("alone raw 1", "rate")
    sync = _ratio(found("sync", "ours"), found("sync", "copy"))
    return [
        *(
            _at_least(
                f"{concurrent} at once, to raw single commits",
                _ratio(found(f"alone greenlets {concurrent}", "rate"), single),
                least,
                "x",
                WHY_ALONE,
            )
            for concurrent, least in ((64, 6), (256, 10))
        ),
        _at_most(
            "p99 of a transition at 1,000 tasks/s",
            found("alone paced-greenlets", "p99"),
            20,
            " ms",
            "a checkpoint of the journal file or a busy processor holds the writer.",
        ),
        *_beside_peers(found, "end to end", "flow", "done_s_rate", WHY_FLOW),
        *_beside_peers(found, "a backlog", "backlog", "rate", WHY_BACKLOG),
        _at_least("sync, to COPY", None if sync is None else sync * 100, 30, " %", WHY_SYNC),
        _at_most("start with many unfinished tasks", found("recovery", "consumes_s"), 5, " s", "see the worker's log."),
        _at_most("lost in a crash", found.worst("crash ours", "lost"), 0, "", _why_lost(found)),
        _at_most(
            "run twice after a crash",
            found.worst("crash ours", "twice"),
            0,
            "",
            "the kill fell between a task's effect and its durable record; no system can exclude that.",
        ),
    ]


def _beside_peers(found: Found, what: str, key: str, rate: str, why: str) -> list[Target]:
    ours = found(f"{key} ours", rate)
    kept = [value for name in RECORD_KEEPERS if (value := found(f"{key} {name}", rate))]
    best = _ratio(ours, max(kept, default=None))
    return [
        _at_least(f"{what}, to the best peer that keeps a record of each finished task", best, 2, "x", why),
        _at_least(f"{what}, to Dramatiq", _ratio(ours, found(f"{key} dramatiq", rate)), 1, "x", why),
    ]


WHY_ALONE = (
    "the callers' thread and the writer's take turns: all who wait are woken by one commit, and ask again together. A "
    "transition costs the one about 10 µs of Python, the other 13 to 17 µs of SQLite with its share of the fsync "
    "(profiled on 2026-11-22), and they overlap little."
)
WHY_FLOW = (
    "the two cores are shared by those who put, RabbitMQ and the worker. Dramatiq's worker writes nothing; ours makes "
    "two durable commits a task and tells its outcome as a confirmed event."
)
WHY_BACKLOG = (
    "one process, bound by its interpreter lock: 0.62 ms of processor time a task (profiled on 2026-11-23), 0.46 ms of "
    "it in the hub (Nameko's life cycle of a worker, py-amqp's frames, greenlets; no part above a tenth), the rest in "
    "the journal's thread. Dramatiq's worker keeps nothing and tells nobody; ours makes two durable commits a task and "
    "publishes its outcome with a confirm."
)
WHY_SYNC = (
    "PostgreSQL looks for each row before it writes it, and the journal reads and marks it; COPY is given a ready text "
    "and does neither."
)
