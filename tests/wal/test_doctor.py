"""The doctor: every task that journals and PostgreSQL do not agree about is named, and no other."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from wal import WALManager
from wal.cli import main
from wal.doctor import GRAVE, SWOLLEN_BYTES, examine
from wal.file import quarantined


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[WALManager]:
    with_rows = WALManager(tmp_path / "ai.db", worker="ai")
    yield with_rows
    with_rows.close()


def finish(journal: WALManager, task_id: str, *, synced: bool = True, fails: bool = False) -> None:
    journal.log_task_start(task_id, "scan.classify", b"")
    journal.log_task_processing(task_id)
    if fails:
        journal.log_task_failure(task_id, "broken")
    else:
        journal.log_task_complete(task_id, {})
    if synced:
        journal.mark_synced([(task_id, journal.task(task_id).version)])
        journal.stats()  # now the file has the mark


def verdicts(
    journal: WALManager, known: dict[str, str], *others: Path, after_s: float = 0, quarantined: Sequence[Path] = ()
) -> set[tuple[str, str]]:
    """What the doctor finds so much later, when PostgreSQL has the tasks of `known` in these states."""
    report = examine(
        [journal.path, *others],
        lambda ids: {task_id: known[task_id] for task_id in ids if task_id in known},
        {},
        quarantined=quarantined,
        now=time.time() + after_s,
    )
    return {(finding.verdict, finding.what) for finding in report.findings}


def test_where_all_agree_nothing_is_found(journal: WALManager) -> None:
    finish(journal, "a")
    finish(journal, "b", fails=True)

    assert verdicts(journal, {"a": "completed", "b": "failed", "pruned here": "completed"}) == set()


def test_a_row_that_was_synced_and_is_gone_is_lost(journal: WALManager) -> None:
    finish(journal, "a")
    finish(journal, "b")

    assert verdicts(journal, {"b": "completed"}) == {("lost", "a")}


def test_a_row_of_another_state_has_diverged(journal: WALManager) -> None:
    finish(journal, "a")

    assert verdicts(journal, {"a": "failed"}) == {("diverged", "a")}


def test_a_row_that_is_not_synced_yet_only_waits(journal: WALManager) -> None:
    finish(journal, "a", synced=False)

    report = examine([journal.path], lambda ids: {}, {"tasks.ai": 3})

    assert [finding.verdict for finding in report.findings] == ["waiting"]
    assert report.healthy
    assert "tasks.ai: 3 messages ready" in report.notes


def test_a_task_that_two_workers_have_finished_is_doubled(journal: WALManager, tmp_path: Path) -> None:
    finish(journal, "a")
    other = WALManager(tmp_path / "zz.db", worker="zz")
    finish(other, "a")
    other.close()

    assert verdicts(journal, {"a": "completed"}, other.path) == {("doubled", "a")}


def test_a_task_that_another_worker_has_not_finished_yet_is_doubled_too(journal: WALManager, tmp_path: Path) -> None:
    finish(journal, "a")
    finish(journal, "b")
    other = WALManager(tmp_path / "zz.db", worker="zz")
    other.log_task_start("a", "scan.classify", b"")
    other.log_task_start("c", "scan.classify", b"")
    other.close()

    report = examine([journal.path, other.path], lambda ids: dict.fromkeys(ids, "completed"), {})

    (finding,) = report.findings
    assert (finding.verdict, finding.what) == ("doubled", "a")
    assert finding.detail == "completed in the journal of ai, pending in that of zz"


def test_a_running_task_that_gives_no_sign_for_a_minute_is_stalled(journal: WALManager) -> None:
    journal.log_task_start("waits", "scan.classify", b"")
    journal.log_task_start("runs", "scan.classify", b"")
    journal.log_task_processing("runs")

    assert verdicts(journal, {}, after_s=50) == set()
    assert verdicts(journal, {}, after_s=61) == {("stalled", "runs")}
    assert "stalled" in GRAVE


def test_where_no_worker_runs_its_tasks_wait_and_none_is_stalled(journal: WALManager) -> None:
    journal.log_task_start("runs", "scan.classify", b"")
    journal.log_task_processing("runs")
    finish(journal, "a", synced=False)
    journal.close()

    report = examine([journal.path], lambda ids: {}, {}, now=time.time() + 30)

    assert [finding.verdict for finding in report.findings] == ["waiting"]
    assert "ai: not running; 1 tasks wait for its start, 1 rows wait for PostgreSQL until then" in report.notes


def test_rows_that_wait_for_a_minute_are_late_but_nothing_is_wrong_with_them(journal: WALManager) -> None:
    finish(journal, "a", synced=False)
    finish(journal, "b", synced=False)

    assert ("late", "ai") not in verdicts(journal, {}, after_s=50)
    report = examine([journal.path], lambda ids: {}, {}, now=time.time() + 61)

    (late,) = [finding for finding in report.findings if finding.verdict == "late"]
    assert "2 rows wait for PostgreSQL, the oldest for 61 s" in late.detail
    assert report.healthy


def test_a_file_that_was_put_aside_is_damage_until_it_is_moved(journal: WALManager, tmp_path: Path) -> None:
    broken = tmp_path / "ai.db.broken-20250102T030405.000000Z"
    broken.write_bytes(b"what was left")

    assert verdicts(journal, {}, quarantined=quarantined(tmp_path)) == {("damaged", broken.name)}

    broken.unlink()
    assert verdicts(journal, {}, quarantined=quarantined(tmp_path)) == set()


def test_a_file_that_is_no_journal_is_damaged_and_the_others_are_examined(journal: WALManager, tmp_path: Path) -> None:
    finish(journal, "a")
    (tmp_path / "zz.db").write_bytes(b"no database, but long enough to be looked at" * 100)

    assert verdicts(journal, {}, tmp_path / "zz.db") == {("lost", "a"), ("damaged", "zz")}


def test_a_write_ahead_log_that_nobody_empties_is_named(journal: WALManager) -> None:
    finish(journal, "a")
    journal.close()
    log = Path(f"{journal.path}-wal")
    with log.open("wb") as file:
        os.truncate(file.fileno(), SWOLLEN_BYTES + 1)

    assert verdicts(journal, {"a": "completed"}) == {("swollen", "ai")}
    assert "swollen" not in GRAVE


def test_parked_rows_are_named_with_their_reason_and_the_journal_with_the_way_back(journal: WALManager) -> None:
    for task_id in ("a", "b"):
        finish(journal, task_id, synced=False)
        journal.park(task_id, journal.task(task_id).version, f"{task_id} is too wide\nDETAIL: the whole row")

    report = examine([journal.path], lambda ids: {}, {})

    assert [(finding.verdict, finding.what, finding.detail) for finding in report.findings] == [
        (
            "parked",
            "ai",
            "2 rows that PostgreSQL refused: mend what it says of them, "
            "then `wal.unpark --all` (or TASK_ID) sends them again",
        ),
        ("parked", "a", "ai: PostgreSQL refused it: a is too wide"),
        ("parked", "b", "ai: PostgreSQL refused it: b is too wide"),
    ]
    assert not report.healthy


def test_a_row_that_was_unparked_only_waits(journal: WALManager) -> None:
    finish(journal, "a", synced=False)
    journal.park("a", journal.task("a").version, "refused")

    journal.unpark(["a"])

    assert verdicts(journal, {}) == {("waiting", "a")}


def test_more_rows_than_one_question_holds_are_all_compared(
    journal: WALManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wal import inspect

    for number in range(25):
        finish(journal, f"task-{number:02}")
    sizes = [len(rows) for rows in inspect.finished(journal.path, chunk=10)]

    assert sizes == [10, 10, 5]


def test_the_command_line_reads_while_the_worker_runs(journal: WALManager, capsys: pytest.CaptureFixture[str]) -> None:
    finish(journal, "a")
    journal.log_task_start("b", "scan.classify", {"scan": 1})

    assert main(["--json", "--directory", str(journal.path.parent), "status"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["worker"], row["completed"], row["pending"]) == ("ai", 1, 1)

    assert main(["--json", "--directory", str(journal.path.parent), "show", "b"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["payload"] == {"bytes": 10, "content_type": "application/json"}

    assert main(["--directory", str(journal.path.parent), "tasks", "--state", "pending"]) == 0
    assert "b" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["status"], ["show", "nothing"]])
def test_what_is_not_there_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["--directory", str(tmp_path), *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_failed_task_is_reopened_where_its_worker_does_not_run(
    journal: WALManager, capsys: pytest.CaptureFixture[str]
) -> None:
    finish(journal, "a", fails=True)
    finish(journal, "b")
    at = ["--directory", str(journal.path.parent)]
    journal.close()

    assert main([*at, "retry", "a"]) == 0
    assert main([*at, "retry", "b"]) == 1
    assert "completed -> pending is not allowed" in capsys.readouterr().err
    again = WALManager(journal.path, worker="ai")
    assert again.recover_pending_tasks() == ["a"]
    again.close()


def test_a_waiting_task_is_cancelled_and_a_finished_one_is_not(
    journal: WALManager, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.log_task_start("a", "scan.classify", b"")
    finish(journal, "b")
    at = ["--directory", str(journal.path.parent)]
    journal.close()

    assert main([*at, "cancel", "a"]) == 0
    assert main([*at, "cancel", "b"]) == 1
    assert main([*at, "cancel", "nobody"]) == 2
    again = WALManager(journal.path, worker="ai")
    assert (again.task("a").state, again.task("a").error_class) == ("failed", "Cancelled")
    again.close()
