"""A worker is killed at each point of a task's life, and at random ones: each task has one outcome and one effect.

The seed of the random moments is printed, and taken from ``CRASH_SEED``. The long run: ``python -m tests.wal.crashes``.
"""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import TestStack, eventually
from tests.wal.crash_points import Death
from tests.wal.crashes import Load, Moment, MortalWorker, Nursery, crash

MOMENTS = 12
MUCH = 1_000_000  # bytes a task: the journal's log reaches the size at which it is checkpointed under load

POINTS = [
    Death("before_insert", 5),
    Death("after_insert", 5),
    Death("in_effect", 5),
    Death("after_effect", 5),
    Death("after_stage", 4),
    Death("before_complete", 4),
    Death("after_complete", 4),
    Death("before_retry", 2),
    Death("after_retry", 2),
    Death("after_delay", 2),
    Death("before_failure", 2),
    Death("after_failure", 2),
    Death("after_burial", 2),
    Death("before_telling", 4, held_s=0.05),
    Death("after_telling", 4),
    Death("after_marked_as_told", 4),
    Death("before_ack", 4),
    Death("after_ack", 4),
    Death("after_ack", 4, after_s=0.005),  # acknowledgements go out together, a little later
    Death("in_group", 8, held_s=0.05),
    Death("in_commit", 4, held_s=0.05),
    Death("in_commit", 12, held_s=0.05),
    Death("after_commit", 8),
    Death("before_sync", 2),
    Death("in_sync"),
    Death("after_sync"),
    Death("after_marked_as_synced"),
]

CHECKPOINTS = [
    Death("at_checkpoint"),
    Death("at_checkpoint", after_s=0.001),
    Death("at_checkpoint", after_s=0.005),
    Death("at_checkpoint", after_s=0.02),
    Death("in_checkpoint"),
]

RECOVERIES = [
    (Death("after_insert", 8), Death("before_recovery")),
    (Death("after_insert", 8), Death("in_recovery")),
    (Death("after_insert", 8), Death("after_recovery")),
    (Death("after_insert", 8), Death("after_taking_up")),
    (Death("after_insert", 8), Death("after_insert", 2)),
    (Death("after_complete", 4), Death("before_telling")),
    (Death("after_complete", 4), Death("after_telling")),
    (Death("after_failure", 2), Death("before_burial")),
    (Death("after_failure", 2), Death("after_burial")),
]

FIRST_FINISHED = [Death("after_complete"), Death("before_telling", held_s=0.05), Death("before_marked_as_told")]
"""One task is finished, the others run."""

SABOTAGES = [
    ("acknowledges_on_arrival", Death("before_insert", 5), "lost"),
    ("forgets_stages", Death("before_complete", 4), "effects twice (a kept stage ran again)"),
    ("marks_before_it_syncs", Death("in_sync"), "SQLite and PostgreSQL disagree"),
]

SABOTAGES_OF_RECOVERY = [
    ("recovers_nothing", "lost"),
    ("tells_nothing_late", "told 0 times"),
]


def _named(value: object) -> str:
    if not isinstance(value, Death):
        return str(value)
    later = f"+{value.after_s * 1000:g}ms" if value.after_s else ""
    return f"{value.point}-{value.call}{later}"


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Forks the workers of all tests."""
    opened = Nursery()
    yield opened
    opened.close()


@pytest.fixture
def mortal(nursery: Nursery, stack: TestStack, tmp_path: Path) -> Iterator[MortalWorker]:
    """A worker of the test's own, not started yet."""
    worker = MortalWorker(nursery, stack.settings, tmp_path)
    yield worker
    worker.clear()


# Named points


@pytest.mark.parametrize("death", POINTS, ids=_named)
def test_each_task_has_one_outcome_and_one_effect_when_its_worker_dies(mortal: MortalWorker, death: Death) -> None:
    mortal.put_mixture()
    mortal.die(death)

    mortal.live()

    _is_whole(mortal)


@pytest.mark.parametrize("death", CHECKPOINTS, ids=_named)
def test_a_journal_whose_worker_dies_in_a_checkpoint_is_whole(mortal: MortalWorker, death: Death) -> None:
    mortal.put_mixture(size=MUCH)
    mortal.die(death)

    mortal.live()

    _is_whole(mortal)


def test_a_checkpoint_was_cut_off_half_way(mortal: MortalWorker) -> None:
    """That the point is what it says: the file has begun to grow, and the log still has all."""
    mortal.put_mixture(size=MUCH)
    mortal.die(Death("in_checkpoint"))

    assert mortal.journal.stat().st_size >= 1_000_000
    assert mortal.journal.with_name(f"{mortal.journal.name}-wal").stat().st_size > 4_000_000


@pytest.mark.parametrize(("first", "second"), RECOVERIES, ids=_named)
def test_a_worker_that_dies_while_it_recovers_is_recovered(mortal: MortalWorker, first: Death, second: Death) -> None:
    mortal.put_mixture()
    mortal.die(first)
    mortal.die(second)

    mortal.live()

    _is_whole(mortal)


def test_a_worker_that_dies_while_it_ends_leaves_nothing_undone(mortal: MortalWorker) -> None:
    death = Death("before_close")
    mortal.put_mixture()
    mortal.live(death)
    mortal.consumes()
    mortal.terminate()
    mortal.dies(death)

    mortal.live()

    _is_whole(mortal)


@pytest.mark.parametrize("death", FIRST_FINISHED, ids=_named)
def test_the_journal_alone_is_enough_when_rabbitmq_has_forgotten_too(mortal: MortalWorker, death: Death) -> None:
    """What was journalled is run and told, also without the message that would come again."""
    _die_with_all_journalled(mortal, death)
    mortal.forgotten()

    mortal.live()

    _is_whole(mortal)


# Slow parts, without a crash


def test_a_retry_that_comes_back_before_its_confirm_is_run(mortal: MortalWorker) -> None:
    """Nothing else would run it before the next start."""
    mortal.put_mixture()

    mortal.live(None, "rabbitmq_confirms_late")

    eventually(lambda: not any(mortal.unrest().values()))
    time.sleep(1)  # the first messages are acknowledged when the last copies are confirmed
    verdict = mortal.judged(within_s=1.5)
    assert verdict.good, verdict


def test_a_worker_that_is_asked_to_end_while_it_journals_a_message_ends_in_order(mortal: MortalWorker) -> None:
    mortal.live(None, "the_disk_is_slow")
    mortal.consumes()
    load = Load(mortal, seed=1)  # it goes on to consume for a second or so
    load.start()
    try:
        mortal.terminate()
        status = mortal.ended(20)
    finally:
        load.stop()

    assert "CRITICAL" not in mortal.log
    assert (status, mortal.unrest()["processing"]) == (0, 0)


# Random moments


def test_each_task_has_one_outcome_and_one_effect_when_its_worker_dies_at_random_moments(mortal: MortalWorker) -> None:
    seed = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(10**9))
    print(f"CRASH_SEED={seed}")

    verdict = crash(mortal, seed, range(MOMENTS), print)

    print(verdict)
    assert verdict.good, f"{verdict}\n{mortal.log}"
    assert verdict.counts["tasks that were running at a kill"] > 0


def test_a_seed_draws_the_same_moments_again() -> None:
    assert [Moment.drawn(7, number) for number in range(50)] == [Moment.drawn(7, number) for number in range(50)]
    assert Moment.drawn(7, 0) != Moment.drawn(8, 0)


# These tests can fail


@pytest.mark.parametrize(("sabotage", "death", "fault"), SABOTAGES, ids=_named)
def test_a_faulty_worker_is_found_out(mortal: MortalWorker, sabotage: str, death: Death, fault: str) -> None:
    mortal.put_mixture()
    mortal.die(death, sabotage)

    mortal.live(None, sabotage)
    mortal.consumes()

    assert mortal.judged(within_s=1.5).faults[fault]


def test_a_worker_that_runs_the_failed_again_is_found_out(mortal: MortalWorker) -> None:
    mortal.put_mixture()
    mortal.live(None, "runs_the_failed_again")
    eventually(lambda: not any(mortal.unrest().values()))

    for task_id, kind in list(mortal.accepted.items()):
        mortal.put(kind, task_id=task_id)

    time.sleep(1)
    assert mortal.judged(within_s=1.5).faults["finished and run again"]


@pytest.mark.parametrize(("sabotage", "fault"), SABOTAGES_OF_RECOVERY, ids=_named)
def test_a_faulty_recovery_is_found_out(mortal: MortalWorker, sabotage: str, fault: str) -> None:
    _die_with_all_journalled(mortal, FIRST_FINISHED[0])
    mortal.forgotten()

    mortal.live(None, sabotage)

    assert mortal.judged(within_s=1.5).faults[fault]


def _is_whole(mortal: MortalWorker) -> None:
    verdict = mortal.judged()
    assert verdict.good, f"{verdict}\n{mortal.log}"


def _die_with_all_journalled(mortal: MortalWorker, death: Death) -> None:
    for _ in range(8):
        mortal.put("slow")
    mortal.die(death)
    assert mortal.unrest()["not journalled"] == 0
