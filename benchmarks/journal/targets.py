"""What the journal is to reach on this machine, judged on the medians of the run."""

from dataclasses import dataclass
from typing import Protocol

UNMEASURED = "not measured"
RECORD_KEEPERS = ("celery+postgresql", "huey", "procrastinate", "dbos")


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
    kept = [rate for name in RECORD_KEEPERS if (rate := found(f"flow {name}", "done_s_rate"))]
    ours = found("flow ours", "done_s_rate")
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
        _at_least(
            "end to end, to the best peer that keeps a record of each finished task",
            _ratio(ours, max(kept, default=None)),
            2,
            "x",
            WHY_FLOW,
        ),
        _at_least("end to end, to Dramatiq", _ratio(ours, found("flow dramatiq", "done_s_rate")), 1, "x", WHY_FLOW),
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


WHY_ALONE = (
    "the processor is the limit, not the disk: the caller's thread and the writer's share one interpreter lock, and a "
    "transition costs both of them more Python than SQLite (profiled on 2026-11-22: without the read-back of the whole "
    "row in `log_task_start` and the metrics' label look-ups it was 1.3 times as fast)."
)
WHY_FLOW = (
    "putting is the limit: one process that waits for each confirm, on cores that the worker and RabbitMQ need too. "
    "Ours also publishes an event with a confirm for each outcome, which the others do not (profiled on 2026-11-22: "
    "without it a backlog was worked off 1.7 times as fast)."
)
WHY_SYNC = (
    "each row is unpacked into a record and packed again, in Python, then marked in the journal; COPY is given a ready "
    "text and does neither."
)
