"""What operators do with the journals: look, copy, prune. Real files; the workers are asked, never run over."""

import io
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.stack import ROOT
from tests.wal import programs
from tests.wal.test_doctor import finish
from wal import WALManager, backup, cli, inspect, owner
from wal.backup import BackupFailed, back_up
from wal.cli import main
from wal.file import read_only

Answers = Callable[..., Any]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[WALManager]:
    """The journal of a worker that runs: this process."""
    with_rows = WALManager(tmp_path / "ai.db", worker="ai")
    yield with_rows
    with_rows.close()


@pytest.fixture
def idle(tmp_path: Path) -> Path:
    """The journal of a worker that does not run, with three finished tasks."""
    with_rows = WALManager(tmp_path / "storage.db", worker="storage")
    for number in range(3):
        finish(with_rows, f"stored-{number}")
    with_rows.close()
    return with_rows.path


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Answers:
    """Runs a command with --json; returns its answer, after checking its exit code."""

    def answers(*words: str, code: int = 0) -> Any:
        assert main(["--json", "--directory", str(tmp_path), *words]) == code
        return json.loads(capsys.readouterr().out)

    return answers


class Terminal(io.StringIO):
    """Somebody who types an answer."""

    def isatty(self) -> bool:
        return True


# Looking


def test_the_status_tells_who_runs_what_waits_and_for_how_long(journal: WALManager, idle: Path, ask: Answers) -> None:
    journal.log_task_start("runs", "scan.classify", b"")
    journal.log_task_processing("runs")
    finish(journal, "a", synced=False)
    (idle.parent / "ai.db.broken-20250102T030405.000000Z").touch()

    ai, storage = ask("status")

    assert (ai["worker"], ai["running"], ai["processing"], ai["unsynced"], ai["quarantined"]) == ("ai", True, 1, 1, 1)
    assert 0 <= ai["heartbeat_s"] < 30
    assert 0 <= ai["oldest_unsynced_s"] < 30
    assert ai["file_bytes"] == journal.path.stat().st_size
    assert ai["wal_bytes"] > 0
    assert (storage["running"], storage["heartbeat_s"], storage["oldest_unsynced_s"]) == (False, None, None)


def test_the_status_is_read_by_people_too(journal: WALManager, idle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--directory", str(idle.parent), "status"]) == 0

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["worker", "ai", "storage"] in lines
    assert ["running", "yes", "no"] in lines
    assert ["completed", "0", "3"] in lines


def test_looking_for_its_owner_makes_no_lock_file(tmp_path: Path) -> None:
    assert not inspect.owned(tmp_path / "nobody.db")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_journal_does_not_hide_the_others(
    idle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ai.db").write_bytes(b"no database, but long enough to be looked at" * 100)

    assert main(["--json", "--directory", str(tmp_path), "status"]) == 1

    shown = capsys.readouterr()
    assert [row["worker"] for row in json.loads(shown.out)] == ["storage"]
    assert shown.err.startswith("ai: file is not a database")
    assert main(["--directory", str(tmp_path), "tasks"]) == 1
    assert capsys.readouterr().err == "a journal cannot be read, and the doctor says which: file is not a database\n"


@pytest.mark.parametrize("folder", ["what?mode=rw", "a#b", "100%20", "빈 칸"])
def test_a_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "ai.db"
    with closing(WALManager(path, worker="ai")) as journal:
        finish(journal, "a")

        assert inspect.state(path).by_state["completed"] == 1
        assert main(["--directory", str(path.parent), "backup"]) == 0


def test_two_journals_are_read_at_once_and_not_mixed_up(
    journal: WALManager, idle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each thread asks only when both have their file open."""
    finish(journal, "a")
    both_open = threading.Barrier(2, timeout=60)
    reading = inspect.reading
    found: dict[Path, int] = {}

    @contextmanager
    def together(path: Path) -> Iterator[Any]:
        with reading(path) as file:
            both_open.wait()
            yield file
            both_open.wait()

    def read(path: Path) -> None:
        found[path] = len(inspect.tasks(path))

    monkeypatch.setattr(inspect, "reading", together)
    readers = [threading.Thread(target=read, args=(path,)) for path in (journal.path, idle)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert found == {journal.path: 1, idle: 3}


def test_one_journal_is_read_within_another(journal: WALManager, idle: Path) -> None:
    finish(journal, "a")
    outer = inspect.finished(idle, chunk=1)

    first = next(outer)
    assert inspect.state(journal.path).by_state["completed"] == 1
    assert [row.task_id for rows in [first, *outer] for row in rows] == ["stored-0", "stored-1", "stored-2"]


# Copying


def test_a_copy_is_whole_while_its_worker_goes_on(journal: WALManager, ask: Answers, tmp_path: Path) -> None:
    for number in range(5):
        finish(journal, f"task-{number}", synced=False)
    journal.log_task_start("waits", "scan.classify", b"its input")

    (made,) = ask("backup")
    journal.log_task_start("later", "scan.classify", b"")

    copy = Path(made["path"])
    assert re.fullmatch(r"ai-\d{8}T\d{6}\.\d{6}Z\.db", copy.name)
    assert (made["worker"], made["rows"], made["bytes"]) == ("ai", 6, copy.stat().st_size)
    assert (stat.S_IMODE(copy.stat().st_mode), stat.S_IMODE(copy.parent.stat().st_mode)) == (0o600, 0o700)
    assert [file.name for file in copy.parent.iterdir()] == [copy.name]
    assert copy.parent == tmp_path / "backups"


def test_a_copy_that_is_put_back_is_the_journal_of_that_moment(journal: WALManager, ask: Answers) -> None:
    finish(journal, "done", synced=False)
    journal.log_task_start("waits", "scan.classify", b"its input")
    (made,) = ask("backup")
    journal.log_task_start("later", "scan.classify", b"")
    journal.close()

    os.replace(made["path"], journal.path)
    for suffix in ("-wal", "-shm"):
        Path(f"{journal.path}{suffix}").unlink(missing_ok=True)

    with closing(WALManager(journal.path, worker="ai")) as restored:
        assert restored.recover_pending_tasks() == ["waits"]
        assert restored.work("waits").payload == b"its input"
        assert [row.task_id for row in restored.unsynced(10)] == ["done"]


def test_what_is_written_while_the_copy_is_made_neither_waits_nor_gets_in(
    journal: WALManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment is held: the copy has its view of the file, and is not done."""
    finish(journal, "before")
    counted = backup._rows
    written: list[str] = []

    def busy(connection: sqlite3.Connection) -> dict[str, int]:
        rows = counted(connection)
        for _ in range(20):
            written.append(f"meanwhile-{len(written)}")
            finish(journal, written[-1])  # returns once it is on the disk
        return rows

    monkeypatch.setattr(backup, "_rows", busy)

    made = back_up(journal.path, tmp_path)

    assert made.rows == 1
    assert journal.stats()["completed"] == 1 + len(written) > 20


def test_the_worker_goes_on_while_a_large_journal_is_copied(journal: WALManager, tmp_path: Path) -> None:
    for number in range(80):
        journal.log_task_start(f"large-{number}", "scan.classify", os.urandom(500_000))
    made: list[Any] = []
    copying = threading.Thread(target=lambda: made.append(back_up(journal.path, tmp_path)))
    waits = []

    copying.start()
    while copying.is_alive():
        began = time.perf_counter()
        journal.log_task_start(f"small-{len(waits)}", "scan.classify", b"")
        waits.append(time.perf_counter() - began)

    assert made[0].rows >= 80
    assert len(waits) > 1
    assert max(waits) < 2  # a lock would have cost SQLite's whole 5 seconds
    assert journal.trouble is None


@pytest.mark.parametrize("place", ["missing", "a file", "/proc"])
def test_a_place_that_takes_no_copy_is_named(
    idle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (tmp_path / "a file").touch()

    assert main(["--directory", str(tmp_path), "backup", "--to", str(tmp_path / place)]) == 1

    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert shown.err.startswith(f"storage: {tmp_path / place} takes no file: ")


def test_a_copy_is_not_put_among_the_journals(idle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--directory", str(idle.parent), "backup", "--to", f"{idle.parent}/."]) == 2
    assert [path.name for path in inspect.journals(idle.parent)] == ["storage.db"]


def test_a_full_disk_leaves_no_half_a_copy(idle: Path, tmp_path: Path) -> None:
    with closing(WALManager(idle, worker="storage")) as journal:
        journal.log_task_start("large", "image.store", os.urandom(300_000))
    folder = tmp_path / "backups"

    copied = subprocess.run(
        ["prlimit", "--fsize=100000", sys.executable, "-m", "wal.cli", "--directory", str(tmp_path), "backup"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (copied.returncode, copied.stdout) == (1, "")
    assert copied.stderr.startswith(f"storage: storage.db was not copied to {folder}: ")
    assert list(folder.iterdir()) == []


def test_a_copy_that_is_not_what_the_journal_is_gets_no_name(
    idle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(tmp_path.iterdir())
    answers = iter([{"task": 3}, {"task": 2}, {"task": 2}])
    monkeypatch.setattr(backup, "_rows", lambda connection: next(answers))

    with pytest.raises(BackupFailed, match="is not what the journal is"):
        back_up(idle, tmp_path)

    assert {path.name for path in tmp_path.iterdir()} - {path.name for path in before} <= {
        "storage.db-wal",
        "storage.db-shm",
    }


def test_a_copy_overwrites_nothing(idle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = back_up(idle, tmp_path)

    class Stopped:
        @staticmethod
        def now(zone: Any) -> Any:
            return Stopped()

        def strftime(self, form: str) -> str:
            return first.path.stem.removeprefix("storage-")

    monkeypatch.setattr(backup, "datetime", Stopped)
    first.path.write_bytes(b"precious")

    with pytest.raises(BackupFailed, match="is there already"):
        back_up(idle, tmp_path)

    assert first.path.read_bytes() == b"precious"
    assert not list(tmp_path.glob(".*"))


# Pruning


def test_pruning_asks_with_the_number(
    idle: Path, ask: Answers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert main(["--directory", str(idle.parent), "prune", "--older-than", "0s"]) == 1
    refused = capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))

    gone = ask("prune", "--older-than", "0s")

    assert refused == "Delete 3 finished tasks (storage 3) that PostgreSQL has? [y/N] nothing was changed\n"
    assert gone == [{"worker": "storage", "rows": 3}]
    assert inspect.state(idle).by_state["completed"] == 0


def test_pruning_without_anybody_to_answer_is_refused(
    idle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))

    assert main(["--directory", str(idle.parent), "prune", "--older-than", "0s"]) == 1

    assert "--yes answers for you" in capsys.readouterr().err
    assert inspect.state(idle).by_state["completed"] == 3


def test_where_nothing_is_so_old_nothing_is_asked(idle: Path, ask: Answers) -> None:
    assert ask("prune", "--older-than", "12h") == [{"worker": "storage", "rows": 0}]


def test_what_postgresql_does_not_have_never_goes(idle: Path, ask: Answers) -> None:
    with closing(WALManager(idle, worker="storage")) as journal:
        finish(journal, "unsynced", synced=False)
        finish(journal, "parked", synced=False)
        journal.park("parked", journal.task("parked").version, "refused")
        journal.log_task_start("waits", "image.store", b"")

    assert ask("prune", "--older-than", "0s", "--yes") == [{"worker": "storage", "rows": 3}]

    with closing(WALManager(idle, worker="storage")) as journal:
        assert {task_id: journal.task(task_id).state for task_id in ("unsynced", "parked", "waits")} == {
            "unsynced": "completed",
            "parked": "completed",
            "waits": "pending",
        }


def test_more_than_one_step_prunes_go_in_one_command(idle: Path, ask: Answers) -> None:
    with closing(WALManager(idle, worker="storage")) as journal:
        threads = [
            threading.Thread(target=lambda part=part: [finish(journal, f"{part}-{n}") for n in range(70)])  # type: ignore[misc]
            for part in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert ask("prune", "--older-than", "0s", "--yes") == [{"worker": "storage", "rows": 1123}]


def test_a_journal_in_use_is_pruned_by_its_worker_alone(
    journal: WALManager, idle: Path, ask: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(journal, "a")
    asked: list[tuple[Any, ...]] = []

    def answer(*question: Any) -> int:
        asked.append(question)
        return journal.prune(question[2])

    monkeypatch.setattr(owner, "ask_worker", answer)

    gone = ask("prune", "--older-than", "0s", "--yes")

    assert gone == [{"worker": "ai", "rows": 1}, {"worker": "storage", "rows": 3}]
    assert [question[:3] for question in asked] == [("ai", "journal_prune", 0.0)]


def test_a_worker_that_does_not_answer_keeps_no_other_from_being_pruned(
    journal: WALManager, idle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finish(journal, "a")
    monkeypatch.setenv("ECO2_AMQP_URL", "amqp://nobody:nothing@127.0.0.1:1//")

    assert main(["--json", "--directory", str(idle.parent), "prune", "--older-than", "0s", "--yes"]) == 4

    shown = capsys.readouterr()
    assert json.loads(shown.out) == [{"worker": "storage", "rows": 3}]
    assert "ai: the worker ai holds its journal but does not answer" in shown.err
    assert inspect.state(journal.path).by_state["completed"] == 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800), ("1.5h", 5400)]
)
def test_durations_are_written_with_their_unit(text: str, seconds: float) -> None:
    assert cli._duration(text) == seconds


@pytest.mark.parametrize("text", ["7", "7 d", "-1d", "a week", "", "7w"])
def test_what_is_no_duration_is_refused(idle: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--directory", str(idle.parent), "prune", f"--older-than={text}", "--yes"])

    assert refused.value.code == 2
    assert "is no duration" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["prune", "--older-than", "0s", "--yes"], ["backup"], ["tasks"]])
def test_a_worker_without_a_journal_is_named(idle: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["--directory", str(idle.parent), *words, "--worker", "nobody"]) == 2
    assert capsys.readouterr().err == "there is no journal of a worker nobody\n"


# What the README shows


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_example_of_the_readme_runs_twice_with_what_it_says_it_prints(tmp_path: Path, readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(from wal import .*?)```", text, re.DOTALL)
    program = f"import os, sys, wal\nos.chdir(sys.argv[1])\n{example}"

    printed = [programs.run(program, tmp_path).strip() for _ in range(2)]

    assert printed[0] == printed[1]
    assert f"`{printed[0]}`" in text


def test_the_readme_has_every_verdict_metric_and_setting() -> None:
    from services.kernel.config import Wal
    from wal import doctor, metrics

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    korean = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    told = [metric for metric in vars(metrics).values() if hasattr(metric, "_name")]
    names = {f"{metric._name}_total" if metric._type == "counter" else metric._name for metric in told}

    wanted = {*doctor.Verdict.__args__, *names, *Wal.model_fields}  # type: ignore[attr-defined]
    assert {name for name in wanted if f"`{name}`" not in text} == set()
    assert {name for name in wanted if f"`{name}`" not in korean} == set()


def test_a_copy_can_be_opened_without_a_file_beside_it(idle: Path, tmp_path: Path) -> None:
    made = back_up(idle, tmp_path)

    with closing(read_only(made.path)) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert copy.execute("SELECT count(*) FROM task").fetchone() == (3,)
    assert not list(tmp_path.glob(f"{made.path.name}-*"))
