"""What the crash tests demand of a worker that was killed, however often: a pure judgement of what it left behind.

No journal can make a foreign side effect happen once when the kill falls between the effect and its record. What is
promised, and judged here: the effect *keyed by its task* is there once and the outcome names it; a finished stage
and a finished task are never run again; each outcome stands once, in SQLite as in PostgreSQL, and was told.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from wal.journal import MAX_CRASHES

STAGES = {
    "plain": ("only",),
    "staged": ("one", "two", "three"),
    "flaky": ("first", "second"),
    "hopeless": (),
    "slow": ("only",),
}
"""The kinds of tasks, and the stages that have an effect."""


class Row(NamedTuple):
    """A finished task, as SQLite and PostgreSQL both have it."""

    state: str
    attempt: int
    version: int
    result: Any
    error_class: str | None


class Note(NamedTuple):
    """A line of the worker's diary."""

    at: float
    life: int
    word: str
    task_id: str
    stage: str


class Told(NamedTuple):
    """An event about a task."""

    task_id: str
    event: str
    attempt: int
    result: Any
    error_class: str | None


@dataclass
class Evidence:
    """All that can be known once everything is quiet and the worker has ended."""

    accepted: Mapping[str, str]
    """The tasks that the broker confirmed, with their kinds."""
    journal: Mapping[str, Row]
    crashes: Mapping[str, int]
    finished_at: Mapping[str, float]
    postgresql: Mapping[str, Row]
    diary: list[Note]
    effects: Mapping[tuple[str, str], str]
    told: list[Told]
    buried: Counter[str]
    kills: int
    trouble: list[str]
    """What is wrong with the whole: not quiet in time, messages left over, what `wal.doctor` finds."""


@dataclass
class Verdict:
    counts: dict[str, int] = field(default_factory=dict)
    """What happened, for the reader."""
    faults: dict[str, list[str]] = field(default_factory=dict)
    """What must not happen, with the tasks that it happened to."""

    @property
    def good(self) -> bool:
        return not any(self.faults.values())

    def __str__(self) -> str:
        counted = [f"{name:40} {count:7}" for name, count in self.counts.items()]
        wrong = [f"{name:40} {len(found):7}{'   ' + found[0] if found else ''}" for name, found in self.faults.items()]
        return "\n".join([*counted, "must be 0:", *wrong])


def judge(seen: Evidence) -> Verdict:
    """The verdict on `seen`."""
    notes: dict[str, list[Note]] = defaultdict(list)
    for note in seen.diary:
        notes[note.task_id].append(note)
    told: dict[str, list[Told]] = defaultdict(list)
    for one in seen.told:
        told[one.task_id].append(one)
    finished = {task_id: row for task_id, row in seen.journal.items() if row.state in ("completed", "failed")}
    loops = {task_id for task_id in finished if _is_crash_loop(seen, task_id)}
    kinds = seen.accepted

    verdict = Verdict()
    verdict.faults = {
        "lost": [task_id for task_id in kinds if task_id not in finished],
        "never put": [task_id for task_id in seen.journal if task_id not in kinds],
        "outcome of another kind": [t for t in finished.keys() & kinds if not _fits(kinds[t], finished[t], t in loops)],
        "effects missing or of another run": [t for t in finished.keys() & kinds if not _has_effects(seen, t)],
        "effects twice (a kept stage ran again)": [t for t in notes if any(_after(notes[t], "kept", "effect"))],
        "finished and run again": [t for t in notes if _ran_after_its_end(notes[t], seen.finished_at.get(t))],
        "run again without a crash or an error": [t for t in notes if _is_unexplained(seen, t, notes[t])],
        "told 0 times": [t for t in finished if not told[t]],
        "told otherwise than journalled": [t for t in finished if _is_told_otherwise(told[t], finished[t])],
        "SQLite and PostgreSQL disagree": [
            t for t in finished.keys() | seen.postgresql.keys() if seen.postgresql.get(t) != finished.get(t)
        ],
        "failed and not buried, or buried and not failed": sorted(
            {t for t, row in finished.items() if row.state == "failed"} ^ set(seen.buried)
        ),
        "trouble": seen.trouble,
    }  # fmt: skip
    verdict.counts = {
        "accepted": len(kinds),
        "completed": sum(row.state == "completed" for row in finished.values()),
        "failed, as they should": sum(row.state == "failed" for row in finished.values()) - len(loops),
        "failed as a crash loop": len(loops),
        "kills": seen.kills,
        "tasks that were running at a kill": sum(crashes > 0 for crashes in seen.crashes.values()),
        "executions repeated after a kill": sum(map(_repeats, notes.values())),
        "effects tried again, and found done": sum(n.word == "effect" for n in seen.diary) - len(seen.effects),
        "told again": len(seen.told) - sum(1 for task_id in told if told[task_id]),
        "buried again": seen.buried.total() - len(seen.buried),
    }
    return verdict


def _is_crash_loop(seen: Evidence, task_id: str) -> bool:
    return seen.journal[task_id].error_class == "CrashLoop" and seen.crashes[task_id] >= MAX_CRASHES


def _fits(kind: str, row: Row, crash_loop: bool) -> bool:
    if crash_loop:
        return row.state == "failed"
    if kind == "hopeless":
        return (row.state, row.error_class) == ("failed", "PermanentError")
    return (row.state, row.error_class) == ("completed", None)


def _has_effects(seen: Evidence, task_id: str) -> bool:
    row = seen.journal[task_id]
    if row.state == "failed":
        return row.result is None
    return bool(row.result == [seen.effects.get((task_id, stage)) for stage in STAGES[seen.accepted[task_id]]])


def _after(notes: list[Note], earlier: str, later: str) -> Iterator[bool]:
    """For each note of the word `later`: whether one of the word `earlier` stands before it, of the same stage."""
    done = set()
    for note in notes:
        if note.word == earlier:
            done.add(note.stage)
        elif note.word == later:
            yield note.stage in done


def _repeats(notes: list[Note]) -> int:
    """How often it began anew without having come to an end or an error."""
    repeats, running = 0, False
    for note in notes:
        if note.word == "began":
            repeats += running
            running = True
        elif note.word in ("raised", "ended"):
            running = False
    return repeats


def _ran_after_its_end(notes: list[Note], finished_at: float | None) -> bool:
    """Also where the kill came between the commit of the end and its note: then the journal's time is the witness."""
    if any(_after(notes, "ended", "began")):
        return True
    return finished_at is not None and any(note.word == "began" and note.at > finished_at for note in notes)


def _is_unexplained(seen: Evidence, task_id: str, notes: list[Note]) -> bool:
    """Whether it ran more often than kills and errors account for, or twice in one life without an error between."""
    began = sum(note.word == "began" for note in notes)
    raised = sum(note.word == "raised" for note in notes)
    running_in = None
    for note in notes:
        if note.word == "began" and running_in == note.life:
            return True
        if note.word in ("began", "raised"):
            running_in = note.life if note.word == "began" else None
    if task_id not in seen.journal:
        return began > 0
    attempt, crashes = seen.journal[task_id].attempt, seen.crashes[task_id]
    return not began <= attempt <= 1 + crashes + raised or crashes > seen.kills


def _is_told_otherwise(told: list[Told], row: Row) -> bool:
    journalled = (row.state, row.attempt, row.result, row.error_class)
    return any((one.event, one.attempt, one.result, one.error_class) != journalled for one in told)


def in_flight(diary: Iterable[Note], life: int) -> int:
    """How many tasks ran when this life ended."""
    running = set()
    for note in diary:
        if note.life == life and note.word == "began":
            running.add(note.task_id)
        elif note.life == life and note.word in ("raised", "ended"):
            running.discard(note.task_id)
    return len(running)
