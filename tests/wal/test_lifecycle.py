"""The life of a task as the journal tells it: which changes of state there are, and what each keeps."""

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.stack import eventually
from wal import IllegalTransition, State, UnknownTask, WALManager
from wal import statements as sql
from wal.journal import ALWAYS_KEPT_S, ERROR_LIMIT
from wal.states import SOURCES

Call = Callable[[WALManager, str], Any]

CHANGES: dict[str, tuple[State, Call]] = {
    "processing": (State.PROCESSING, lambda journal, task_id: journal.log_task_processing(task_id)),
    "complete": (State.COMPLETED, lambda journal, task_id: journal.log_task_complete(task_id, {"item": "can"})),
    "failure": (State.FAILED, lambda journal, task_id: journal.log_task_failure(task_id, ValueError("broken"))),
    "retry": (State.PENDING, lambda journal, task_id: journal.log_task_retry(task_id, OSError("away"))),
    "reopen": (State.PENDING, lambda journal, task_id: journal.reopen(task_id)),
    "cancel": (State.FAILED, lambda journal, task_id: journal.cancel(task_id)),
}

WAY_TO = {
    State.PENDING: [],
    State.PROCESSING: ["processing"],
    State.COMPLETED: ["processing", "complete"],
    State.FAILED: ["processing", "failure"],
}

ALLOWED = {
    (State.PENDING, "processing"),
    (State.PENDING, "failure"),
    (State.PROCESSING, "complete"),
    (State.PROCESSING, "failure"),
    (State.PROCESSING, "retry"),
    (State.PENDING, "cancel"),
    (State.FAILED, "reopen"),
}

ON_A_TASK: dict[str, Call] = {name: call for name, (_, call) in CHANGES.items()} | {
    "checkpoint": lambda journal, task_id: journal.checkpoint(task_id, "vision", {}),
    "heartbeat": lambda journal, task_id: journal.heartbeat(task_id),
    "task": lambda journal, task_id: journal.task(task_id),
    "work": lambda journal, task_id: journal.work(task_id),
}

WORDS = ["plain", "", "종이컵 ☕ 😀", 'quotes " and \\', "nul \0 inside", "line\nend", "\u2028"]

VALUES = [None, True, 0, -1.5, 2**63, [], {}, [1, [2, {"깊이": None}]], *WORDS]


def lead(journal: WALManager, task_id: str, state: State) -> None:
    """Bring a new task to `state`."""
    journal.log_task_start(task_id, "scan.classify", b"photo")
    for change in WAY_TO[state]:
        CHANGES[change][1](journal, task_id)


def synced(journal: WALManager, *task_ids: str) -> None:
    journal.mark_synced((task_id, journal.task(task_id).version) for task_id in task_ids)


# Changes of state


def test_beginning_a_new_task_is_starting_it_and_processing_it(journal: WALManager) -> None:
    assert journal.begin("at once", "scan.classify", b"photo", content_type="image/png", headers={"a": 1}) == 1
    journal.log_task_start("in two", "scan.classify", b"photo", content_type="image/png", headers={"a": 1})
    journal.log_task_processing("in two")

    once, two = journal.task("at once"), journal.task("in two")
    same = {"task_id": "", "created_at": None, "started_at": None}
    assert replace(once, **same) == replace(two, **same)
    assert once.started_at == once.created_at
    assert journal.work("at once").payload == journal.work("in two").payload == b"photo"
    assert journal.work("at once").headers == {"a": 1}


def test_beginning_a_task_that_waits_is_processing_it(journal: WALManager) -> None:
    """Its payload is what it was started with."""
    journal.log_task_start("t1", "scan.classify", b"first")
    journal.log_task_processing("t1")
    journal.log_task_retry("t1", "away")

    assert journal.begin("t1", "scan.classify", b"second") == 2

    assert journal.task("t1").state is State.PROCESSING
    assert journal.work("t1").payload == b"first"


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED])
def test_beginning_a_finished_task_begins_nothing_and_tells_how_it_ended(journal: WALManager, state: State) -> None:
    lead(journal, "t1", state)
    before = journal.task("t1")

    assert journal.begin("t1", "scan.classify", b"photo") == before == journal.task("t1")


def test_of_many_who_begin_a_task_at_once_one_does(journal: WALManager) -> None:
    outcomes: list[object] = []

    def begin() -> None:
        try:
            outcomes.append(journal.begin("t1", "scan.classify", b"photo"))
        except IllegalTransition as refused:
            outcomes.append(type(refused))

    threads = [threading.Thread(target=begin) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes, key=str) == [1] + [IllegalTransition] * 19


def test_a_new_task_is_pending(journal: WALManager) -> None:
    admission = journal.log_task_start("t1", "scan.classify", b"photo")

    assert admission.new
    task = journal.task("t1")
    assert (task.task_id, task.task_type, task.worker) == ("t1", "scan.classify", "probe-1")
    assert (task.state, task.attempt, task.crashes, task.version) == (State.PENDING, 0, 0, 1)
    assert (task.started_at, task.finished_at, task.result, task.error) == (None, None, None, None)


def test_a_claimed_task_is_processing_at_its_first_attempt(journal: WALManager) -> None:
    """Guards W5: the row is there before it is claimed, and the claim says when it started."""
    journal.log_task_start("t1", "scan.classify", b"photo")

    assert journal.log_task_processing("t1") == 1

    task = journal.task("t1")
    assert (task.state, task.attempt) == (State.PROCESSING, 1)
    assert task.started_at is not None


def test_a_completed_task_has_its_result_and_no_error(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)

    journal.log_task_complete("t1", {"item": "paper_cup"})

    task = journal.task("t1")
    assert (task.state, task.result, task.error_class, task.error) == (
        State.COMPLETED,
        {"item": "paper_cup"},
        None,
        None,
    )
    assert task.finished_at is not None


def test_a_failed_task_has_its_error(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)

    journal.log_task_failure("t1", ValueError("사진이 아닙니다"))

    task = journal.task("t1")
    assert (task.state, task.error_class, task.error) == (State.FAILED, "ValueError", "사진이 아닙니다")
    assert task.finished_at is not None


def test_a_pending_task_may_fail_without_having_run(journal: WALManager) -> None:
    lead(journal, "t1", State.PENDING)

    journal.log_task_failure("t1", "cancelled")

    task = journal.task("t1")
    assert (task.state, task.error_class, task.error, task.attempt) == (State.FAILED, "Error", "cancelled", 0)


def test_a_retried_task_is_pending_with_the_error_of_its_last_attempt(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)

    journal.log_task_retry("t1", OSError("S3 is away"))

    task = journal.task("t1")
    assert (task.state, task.error_class, task.error, task.finished_at) == (
        State.PENDING,
        "OSError",
        "S3 is away",
        None,
    )


def test_each_claim_counts_as_one_attempt(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)
    journal.log_task_retry("t1", OSError("away"))

    assert journal.log_task_processing("t1") == 2
    assert journal.task("t1").attempt == 2


def test_success_after_a_retry_leaves_no_error_behind(journal: WALManager) -> None:
    """Guards W6."""
    lead(journal, "t1", State.PROCESSING)
    journal.log_task_retry("t1", OSError("away"))
    journal.log_task_processing("t1")

    journal.log_task_complete("t1", {"item": "can"})

    task = journal.task("t1")
    assert (task.state, task.error_class, task.error) == (State.COMPLETED, None, None)
    assert [row.task_id for row in journal.unsynced(10)] == ["t1"]


def test_a_task_that_waits_for_its_retry_is_not_offered_to_postgresql(journal: WALManager) -> None:
    """Guards W6: an attempt's failure is no outcome."""
    lead(journal, "t1", State.PROCESSING)

    journal.log_task_retry("t1", OSError("away"))

    assert journal.unsynced(10) == []


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("change", CHANGES)
def test_only_the_drawn_changes_are_allowed(journal: WALManager, state: State, change: str) -> None:
    lead(journal, "t1", state)
    before = journal.task("t1")
    target, call = CHANGES[change]

    if (state, change) in ALLOWED:
        call(journal, "t1")
        assert journal.task("t1").state is target
        assert journal.task("t1").version == before.version + 1
    else:
        with pytest.raises(IllegalTransition, match=f"t1: {state} -> {target}"):
            call(journal, "t1")
        assert journal.task("t1") == before


@pytest.mark.parametrize(("state", "change"), sorted(ALLOWED))
def test_the_table_of_states_has_each_change(state: State, change: str) -> None:
    assert state in SOURCES[CHANGES[change][0]]


@pytest.mark.parametrize("call", ON_A_TASK)
def test_an_unknown_id_is_refused(journal: WALManager, call: str) -> None:
    """Guards W5 and W9: an update that hits no row is an error, not a success."""
    with pytest.raises(UnknownTask, match="nobody"):
        ON_A_TASK[call](journal, "nobody")

    assert sum(journal.stats().values()) == 0


def test_the_version_grows_by_one_with_each_change_of_state(journal: WALManager) -> None:
    """Guards W6: what is to be synced is told by the version, not by a flag that is set once."""
    journal.log_task_start("t1", "scan.classify", b"")
    versions = [journal.task("t1").version]
    for change in ("processing", "retry", "processing", "failure"):
        CHANGES[change][1](journal, "t1")
        versions.append(journal.task("t1").version)

    assert versions == [1, 2, 3, 4, 5]


def test_a_checkpoint_or_a_heartbeat_is_no_change_of_state(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)
    before = journal.task("t1")

    journal.checkpoint("t1", "vision", {})
    journal.heartbeat("t1")

    assert journal.task("t1") == before


def test_a_failed_task_that_an_operator_reopens_is_as_new(journal: WALManager) -> None:
    lead(journal, "t1", State.FAILED)
    synced(journal, "t1")
    journal.mark_announced("t1", journal.task("t1").version)

    journal.reopen("t1")

    task = journal.task("t1")
    assert (task.state, task.attempt, task.crashes, task.finished_at) == (State.PENDING, 0, 0, None)
    assert journal.work("t1").payload == b"photo"
    assert journal.recover_pending_tasks() == ["t1"]


def test_the_new_outcome_of_a_reopened_task_is_synced_and_told(journal: WALManager) -> None:
    """Guards W6: that the failure was synced and told says nothing of what came after."""
    lead(journal, "t1", State.FAILED)
    synced(journal, "t1")
    journal.mark_announced("t1", journal.task("t1").version)
    journal.reopen("t1")

    journal.log_task_processing("t1")
    journal.log_task_complete("t1", None)

    assert [row.task_id for row in journal.unsynced(10)] == ["t1"]
    assert journal.unannounced() == ["t1"]


def test_a_parked_row_is_offered_again_once_it_has_changed(journal: WALManager) -> None:
    """Guards W12."""
    lead(journal, "t1", State.FAILED)
    journal.park("t1", journal.task("t1").version, "refused")

    journal.reopen("t1")
    journal.cancel("t1")

    assert [row.task_id for row in journal.unsynced(10)] == ["t1"]


def test_a_cancelled_task_says_so(journal: WALManager) -> None:
    lead(journal, "t1", State.PENDING)

    journal.cancel("t1")

    task = journal.task("t1")
    assert (task.state, task.error_class) == (State.FAILED, "Cancelled")
    assert task.finished_at is not None


# Known ids


@pytest.mark.parametrize("state", State)
def test_a_known_id_is_admitted_with_its_present_state(journal: WALManager, state: State) -> None:
    """Guards W8."""
    lead(journal, "t1", state)
    before = journal.task("t1")

    admission = journal.log_task_start("t1", "scan.classify", b"photo")

    assert not admission.new
    assert admission.known == before == journal.task("t1")


def test_a_known_id_keeps_its_first_payload(journal: WALManager) -> None:
    """Guards W8."""
    journal.log_task_start("t1", "scan.classify", b"first", content_type="image/png", headers={"n": 1})
    first = journal.work("t1")

    journal.log_task_start("t1", "image.store", {"second": 2}, headers={"n": 2})

    assert journal.work("t1") == first
    assert (first.task_type, first.payload, first.content_type, first.headers) == (
        "scan.classify", b"first", "image/png", {"n": 1},
    )  # fmt: skip


def test_a_completed_id_is_known_although_its_payload_is_gone(journal: WALManager) -> None:
    """Guards W8: a redelivered finished task gets its result, not a second run."""
    lead(journal, "t1", State.COMPLETED)

    admission = journal.log_task_start("t1", "scan.classify", b"photo")

    assert not admission.new
    assert admission.known.result == {"item": "can"}
    with pytest.raises(UnknownTask, match="completed"):
        journal.work("t1")


# Payloads, results, errors


@pytest.mark.parametrize("body", [b"", b"\0\xff\xfe", bytes(range(256)), "한글".encode(), b"x" * 5_000_000], ids=len)
def test_a_payload_of_bytes_comes_back_as_it_was(journal: WALManager, body: bytes) -> None:
    journal.log_task_start("t1", "image.store", body)

    work = journal.work("t1")
    assert type(work.payload) is bytes
    assert work.payload == body
    assert work.content_type == "application/octet-stream"


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_payload_of_json_comes_back_as_it_was(journal: WALManager, value: Any) -> None:
    journal.log_task_start("t1", "scan.classify", value)

    work = journal.work("t1")
    assert json.loads(work.payload) == value
    assert work.content_type == "application/json"


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_result_comes_back_as_it_was(journal: WALManager, value: Any) -> None:
    lead(journal, "t1", State.PROCESSING)

    journal.log_task_complete("t1", value)

    assert journal.task("t1").result == value


def test_a_result_of_5_mb_comes_back_as_it_was(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)
    big = {"글": "가" * 1_700_000}

    journal.log_task_complete("t1", big)

    assert journal.task("t1").result == big


@pytest.mark.parametrize("word", WORDS)
def test_headers_come_back_as_they_were(journal: WALManager, word: str) -> None:
    journal.log_task_start("t1", "scan.classify", b"", headers={"nameko.language": word, "stack": [word]})

    assert journal.work("t1").headers == {"nameko.language": word, "stack": [word]}


@pytest.mark.parametrize("word", WORDS)
def test_any_text_may_be_an_id(journal: WALManager, word: str) -> None:
    lead(journal, word, State.COMPLETED)

    assert journal.task(word).task_id == word


@pytest.mark.parametrize("worse", [float("nan"), float("inf"), {1, 2}, b"bytes", object(), "\ud800"], ids=repr)
def test_a_result_that_is_no_json_is_refused_and_nothing_of_it_is_kept(journal: WALManager, worse: object) -> None:
    lead(journal, "t1", State.PROCESSING)
    before = journal.task("t1")

    with pytest.raises((TypeError, ValueError)):
        journal.log_task_complete("t1", {"worse": worse})

    assert journal.task("t1") == before
    assert journal.work("t1").payload == b"photo"


@pytest.mark.parametrize("worse", [float("nan"), {1, 2}, "\ud800"], ids=repr)
def test_a_payload_that_is_no_json_is_refused_and_nothing_of_it_is_kept(journal: WALManager, worse: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        journal.log_task_start("t1", "scan.classify", {"worse": worse})

    assert journal.stats()["pending"] == 0


def test_the_payload_goes_when_the_task_is_completed(journal: WALManager) -> None:
    lead(journal, "t1", State.COMPLETED)

    with pytest.raises(UnknownTask):
        journal.work("t1")


def test_the_payload_stays_when_the_task_has_failed(journal: WALManager) -> None:
    """For an operator's retry."""
    lead(journal, "t1", State.FAILED)

    assert journal.work("t1").payload == b"photo"


def test_a_retried_task_has_its_payload_and_its_attempts(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)
    journal.log_task_retry("t1", OSError("away"))

    work = journal.work("t1")
    assert (work.payload, work.attempt, work.crashes) == (b"photo", 1, 0)


def test_a_long_error_is_cut(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)

    journal.log_task_failure("t1", ValueError("가" * 1_000_000))

    assert journal.task("t1").error == "가" * ERROR_LIMIT


@pytest.mark.parametrize("error", [ValueError(), "", ValueError("\ud800"), ValueError("a\0b")], ids=repr)
def test_any_error_can_be_kept(journal: WALManager, error: BaseException | str) -> None:
    lead(journal, "t1", State.PROCESSING)

    journal.log_task_failure("t1", error)

    kept = journal.task("t1").error
    assert kept is not None
    assert "\0" not in kept


# Stages


def test_checkpoints_come_back_oldest_first(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)

    for stage in ("vision", "rules", "answer"):
        journal.checkpoint("t1", stage, {"단계": stage})

    assert journal.checkpoints("t1") == {stage: {"단계": stage} for stage in ("vision", "rules", "answer")}
    assert list(journal.checkpoints("t1")) == ["vision", "rules", "answer"]


def test_checkpoints_outlive_a_failed_attempt(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)
    journal.checkpoint("t1", "vision", "paid for")

    journal.log_task_retry("t1", OSError("away"))
    journal.log_task_processing("t1")

    assert journal.checkpoints("t1") == {"vision": "paid for"}


def test_a_stage_kept_again_has_its_last_result(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)
    journal.checkpoint("t1", "vision", 1)
    journal.checkpoint("t1", "vision", 2)

    assert journal.checkpoints("t1") == {"vision": 2}


@pytest.mark.parametrize("state", sorted(set(State) - {State.PROCESSING}))
@pytest.mark.parametrize("call", ["checkpoint", "heartbeat"])
def test_only_a_running_task_has_checkpoints_and_heartbeats(journal: WALManager, state: State, call: str) -> None:
    lead(journal, "t1", state)

    with pytest.raises(IllegalTransition):
        ON_A_TASK[call](journal, "t1")

    assert journal.checkpoints("t1") == {}


def test_checkpoints_go_when_the_task_is_completed(journal: WALManager) -> None:
    lead(journal, "t1", State.PROCESSING)
    journal.checkpoint("t1", "vision", {})

    journal.log_task_complete("t1", None)

    assert journal.checkpoints("t1") == {}


def test_tasks_do_not_see_each_others_checkpoints(journal: WALManager) -> None:
    for task_id in ("t1", "t2"):
        lead(journal, task_id, State.PROCESSING)
        journal.checkpoint(task_id, "vision", task_id)

    assert journal.checkpoints("t2") == {"vision": "t2"}


# Counting, pruning, times


def test_stats_count_the_tasks_by_state(journal: WALManager) -> None:
    for number, state in enumerate([*State, State.FAILED]):
        lead(journal, f"t{number}", state)
    failed = journal.task("t3")
    journal.park("t3", failed.version, "refused")

    assert journal.stats() == {
        "pending": 1, "processing": 1, "completed": 1, "failed": 2, "unsynced": 2, "parked": 1,
    }  # fmt: skip


def test_the_backlog_tells_the_age_of_its_oldest_row(journal: WALManager) -> None:
    """Guards W12: a backlog that does not move shows."""
    assert journal.oldest_unsynced_s() == 0.0
    lead(journal, "t1", State.COMPLETED)
    time.sleep(0.05)
    lead(journal, "t2", State.COMPLETED)

    assert journal.stats()["unsynced"] == 2
    assert 0.05 <= journal.oldest_unsynced_s() < 5


def test_pruning_deletes_what_is_synced(journal: WALManager) -> None:
    """Guards W11."""
    for task_id, state in (("t1", State.COMPLETED), ("t2", State.FAILED)):
        lead(journal, task_id, state)
    synced(journal, "t1", "t2")

    assert journal.prune(older_than_s=0) == 2

    assert sum(journal.stats().values()) == 0
    with pytest.raises(UnknownTask):
        journal.work("t2")


@pytest.mark.parametrize("state", State)
def test_pruning_keeps_what_is_not_synced(journal: WALManager, state: State) -> None:
    lead(journal, "t1", state)

    assert journal.prune(older_than_s=0) == 0

    assert journal.task("t1").state is state


def test_pruning_keeps_what_is_parked(journal: WALManager) -> None:
    lead(journal, "t1", State.COMPLETED)
    journal.park("t1", journal.task("t1").version, "refused")

    assert journal.prune(older_than_s=0) == 0


def test_pruning_keeps_what_is_young(journal: WALManager) -> None:
    lead(journal, "t1", State.COMPLETED)
    synced(journal, "t1")

    assert journal.prune(older_than_s=3600) == 0


def test_pruning_deletes_at_most_a_thousand_rows_a_call(journal: WALManager) -> None:
    """So that it never holds the writer for long."""

    def many(connection: Any) -> None:
        connection.executemany(
            "INSERT INTO task (task_id, task_type, state, attempt, crashes, version, worker, created_at, finished_at,"
            " synced_version) VALUES (?, 't', 'completed', 1, 0, 3, 'w', 0, 0, 3)",
            [(str(number),) for number in range(1500)],
        )

    journal._writer.run(many)

    assert [journal.prune(0), journal.prune(0), journal.prune(0)] == [1000, 500, 0]


def fill(journal: WALManager, count: int, finished_at: float) -> None:
    """Synced rows of about 1 kB each."""
    rows = [(f"{finished_at}-{number:05}", finished_at, "x" * 800) for number in range(count)]
    journal._writer.run(
        lambda c: (
            c.executemany(
                "INSERT INTO task (task_id, task_type, state, attempt, crashes, version, worker, created_at,"
                " finished_at, result, synced_version) VALUES (?1, 't', 'completed', 1, 0, 3, 'w', ?2, ?2, ?3, 3)",
                rows,
            ).rowcount
        )
    )


def test_a_journal_that_is_too_large_gives_its_oldest_synced_rows(journal: WALManager) -> None:
    """However young they are, within the time in which a message may come again."""
    fill(journal, 900, time.time() - 2 * ALWAYS_KEPT_S)
    fill(journal, 900, time.time() - 1.5 * ALWAYS_KEPT_S)
    lead(journal, "unsynced", State.COMPLETED)

    assert journal.prune(older_than_s=1e9) == 0
    assert journal.prune(older_than_s=1e9, keep_bytes=1_000_000) == 1000
    assert journal.prune(older_than_s=1e9, keep_bytes=1_000_000) == 0

    assert journal.stats()["completed"] == 801
    oldest = journal._writer.run(lambda c: c.execute("SELECT min(finished_at) FROM task").fetchone()[0])
    assert oldest > time.time() - 1.9 * ALWAYS_KEPT_S


def test_a_journal_that_is_too_large_keeps_what_may_come_again(journal: WALManager) -> None:
    fill(journal, 900, time.time() - ALWAYS_KEPT_S + 60)

    assert journal.prune(older_than_s=1e9, keep_bytes=1) == 0


def test_the_file_gives_its_space_back(journal: WALManager, path: Path) -> None:
    fill(journal, 3000, 0)
    eventually(lambda: path.stat().st_size > 2_000_000)

    while journal.prune(older_than_s=0):
        pass

    eventually(lambda: path.stat().st_size < 1_200_000)


HOT = [sql.INSERT_TASK, sql.INSERT_RUNNING, sql.CLAIM, sql.COMPLETE, sql.FAIL, sql.RETRY, sql.REOPEN, sql.CANCEL,
       sql.DROP_PAYLOADS, sql.DROP_CHECKPOINTS, sql.MARK_ANNOUNCED, sql.MARK_SYNCED]  # fmt: skip


@pytest.mark.parametrize("statement", HOT)
def test_no_hot_statement_looks_through_a_table(journal: WALManager, statement: sql.Rows) -> None:
    """However many rows it is about, each is found by its id."""
    plan = Planned(journal)

    statement.on(plan, [[str(place) for place in range(statement._columns)]] * 5)  # type: ignore[arg-type]

    assert plan.steps
    assert not [step for step in plan.steps if re.match(r"SCAN (task|payload|checkpoint)", step)], plan.steps


@pytest.mark.parametrize("statement", [sql.UNSYNCED, sql.OLDEST_UNSYNCED, sql.UNANNOUNCED, sql.PRUNE])
def test_what_is_asked_again_and_again_has_its_index(journal: WALManager, statement: str) -> None:
    plan = Planned(journal)

    plan.execute(statement, [1] * statement.count("?"))

    assert any("USING INDEX task_open" in step or "INDEX task_synced" in step for step in plan.steps), plan.steps
    assert not [step for step in plan.steps if "B-TREE" in step], plan.steps


class Planned:
    """Stands for a connection and asks SQLite how it would go about each statement."""

    def __init__(self, journal: WALManager) -> None:
        self.journal = journal
        self.steps: list[str] = []

    def execute(self, statement: str, values: Any) -> "Planned":
        rows = self.journal._writer.run(lambda c: c.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall())
        self.steps += [row[3] for row in rows]
        return self

    def fetchall(self) -> list[Any]:
        return []


def test_times_are_utc_and_in_order(journal: WALManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards W4: a time is a time with its zone, not a text."""
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    try:
        before = datetime.now(UTC)
        lead(journal, "t1", State.COMPLETED)
        task = journal.task("t1")
        after = datetime.now(UTC)
    finally:
        monkeypatch.undo()
        time.tzset()

    assert task.started_at is not None
    assert task.finished_at is not None
    assert task.created_at.utcoffset() == task.finished_at.utcoffset() == timedelta(0)
    slack = timedelta(microseconds=1)  # a float of seconds
    assert before - slack <= task.created_at <= task.started_at <= task.finished_at <= after + slack


def test_a_record_does_not_change_with_its_task(journal: WALManager) -> None:
    journal.log_task_start("t1", "scan.classify", b"")
    record = journal.task("t1")

    journal.log_task_processing("t1")

    assert record.state is State.PENDING
