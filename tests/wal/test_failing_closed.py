"""What cannot be journalled is refused: a foreign file, a broken or full disk, a step that breaks half-way."""

import json
import os
import sqlite3
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.wal import programs
from wal import JournalClosed, JournalError, JournalLocked, JournalUnavailable, UnknownTask, WALManager
from wal.models import SCHEMA_VERSION

OWNS_UNTIL_KILLED = """
    import sys, time
    from wal import WALManager

    journal = WALManager(sys.argv[1], worker="probe")
    print("owner", flush=True)
    time.sleep(60)
"""

FULL_DISK = """
    import json, sys
    from pathlib import Path
    from wal import JournalUnavailable, WALManager, writer

    writer.QUIET_S = 0

    folder = Path(sys.argv[1])
    journal = WALManager(folder / "probe.db", worker="probe")
    journal.log_task_start("before", "probe", b"x")
    seen = {"kept": ["before"], "refused": []}

    with (folder / "ballast").open("wb", buffering=0) as ballast:
        try:
            while ballast.write(b"x" * 4096):
                pass
        except OSError:
            pass
    for number in range(100):
        task_id = f"t{number}"
        try:
            journal.log_task_start(task_id, "probe", b"x" * 10_000)
            seen["kept"].append(task_id)
        except JournalUnavailable as error:
            seen["refused"].append(task_id)
            seen["error"] = str(error)
    seen["before"] = journal.task("before").state
    seen["trouble"] = journal.trouble
    try:
        WALManager(folder / "second.db", worker="probe")
    except JournalUnavailable as error:
        seen["second"] = str(error)

    (folder / "ballast").unlink()
    journal.log_task_start("after", "probe", b"x" * 10_000)
    seen["kept"].append("after")
    seen["trouble_after"] = journal.trouble
    journal.close()

    journal = WALManager(folder / "probe.db", worker="probe")
    seen["found"] = journal.recover_pending_tasks()
    journal.close()
    print(json.dumps(seen))
"""

FILE_LIMIT = """
    import json, resource, signal, sys
    from wal import JournalUnavailable, WALManager, writer

    writer.QUIET_S = 0

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = WALManager(sys.argv[1], worker="probe")
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, most))
    seen = {"kept": [], "refused": []}
    for number in range(50):
        try:
            journal.log_task_start(f"t{number}", "probe", b"x" * 10_000)
            seen["kept"].append(f"t{number}")
        except JournalUnavailable as error:
            seen["refused"].append(f"t{number}")
    seen["trouble"] = journal.trouble
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    journal.log_task_start("after", "probe", b"x" * 10_000)
    seen["kept"].append("after")
    seen["trouble_after"] = journal.trouble
    journal.close()
    journal = WALManager(sys.argv[1], worker="probe")
    seen["found"] = journal.recover_pending_tasks()
    print(json.dumps(seen))
"""

# A file system of 1 MB that only the program and what it starts can see, and that goes with it.
ONE_MEGABYTE = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"']


# Owners


def test_a_second_owner_is_refused(journal: WALManager, path: Path) -> None:
    """Guards W13, W15: two workers, or two replicas, never share a file."""
    with pytest.raises(JournalLocked, match="belongs to another process"):
        WALManager(path, worker="probe-2")


def test_a_second_process_is_refused_until_the_first_is_gone(path: Path) -> None:
    """Guards W15."""
    owner = programs.start(OWNS_UNTIL_KILLED, path)
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "owner\n"
        with pytest.raises(JournalLocked):
            WALManager(path, worker="probe")
    finally:
        programs.stop(owner)

    WALManager(path, worker="probe").close()


def test_the_owner_goes_on_after_another_was_refused(journal: WALManager, path: Path) -> None:
    with pytest.raises(JournalLocked):
        WALManager(path, worker="probe-2")

    journal.log_task_start("t1", "probe", b"")
    assert journal.task("t1").worker == "probe-1"


def test_a_closed_journal_may_have_a_new_owner(path: Path) -> None:
    WALManager(path, worker="probe-1").close()

    WALManager(path, worker="probe-2").close()


def test_a_child_does_not_inherit_the_file(journal: WALManager, path: Path) -> None:
    """A subprocess of a worker that outlives it must not keep the next worker out."""
    with subprocess.Popen(["sleep", "30"], close_fds=False) as child:
        try:
            journal.close()
            WALManager(path, worker="probe").close()
        finally:
            child.kill()


# Files


def test_a_file_of_another_version_is_refused_with_the_way_out(path: Path) -> None:
    WALManager(path, worker="probe").close()
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version=7")

    with pytest.raises(JournalError, match=f"schema version 7, this code knows {SCHEMA_VERSION}: .*move the file away"):
        WALManager(path, worker="probe")

    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (7,)


def test_a_refused_file_is_not_kept_locked(path: Path) -> None:
    path.mkdir()
    for _ in range(2):
        with pytest.raises(JournalUnavailable):
            WALManager(path, worker="probe")


def test_a_folder_in_the_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir()

    with pytest.raises(JournalUnavailable, match=r"probe\.db"):
        WALManager(path, worker="probe")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journals").write_text("a file")

    with pytest.raises(JournalUnavailable, match="journals"):
        WALManager(tmp_path / "journals" / "probe.db", worker="probe")


def test_a_folder_that_takes_no_files_is_refused() -> None:
    """/proc refuses root too."""
    with pytest.raises(JournalUnavailable, match="/proc/self"):
        WALManager("/proc/self/probe.db", worker="probe")


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    WALManager(tmp_path / "state" / "journals" / "probe.db", worker="probe").close()

    assert (tmp_path / "state" / "journals" / "probe.db").exists()


def test_a_lock_may_be_there_already(path: Path) -> None:
    Path(f"{path}.lock").touch()

    WALManager(path, worker="probe").close()


# The disk


@pytest.fixture(scope="module")
def full_disk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a journal on a file system of 1 MB met when that was full, and after room was made."""
    folder = tmp_path_factory.mktemp("disk")
    if subprocess.run([*ONE_MEGABYTE, str(folder), "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system of their own")
    seen: dict[str, Any] = json.loads(programs.run(FULL_DISK, folder, under=[*ONE_MEGABYTE, str(folder)]))
    return seen


def test_a_full_disk_refuses_the_call_and_says_so(full_disk: dict[str, Any]) -> None:
    """Guards W9."""
    assert len(full_disk["refused"]) > 50
    assert "full" in full_disk["error"]
    assert "probe.db" in full_disk["error"]


def test_what_a_full_disk_refused_was_not_kept_and_what_it_took_was(full_disk: dict[str, Any]) -> None:
    """Guards W9."""
    assert full_disk["found"] == full_disk["kept"]


def test_a_full_disk_can_still_be_read(full_disk: dict[str, Any]) -> None:
    assert full_disk["before"] == "pending"


def test_the_trouble_stays_told_until_a_write_succeeds(full_disk: dict[str, Any]) -> None:
    """Reading is no proof that the disk is well again."""
    assert "full" in full_disk["trouble"]
    assert full_disk["trouble_after"] is None


def test_a_write_that_fits_between_two_refusals_is_no_end_of_the_trouble(path: Path) -> None:
    """On a full disk there is room for a small row after a large one was refused."""
    source = """
        import json, sys, time
        from wal import WALManager, writer

        writer.QUIET_S = 0.5
        journal = WALManager(sys.argv[1], worker="probe")
        journal._writer._refused("full")
        journal.log_task_start("small", "probe", b"")
        seen = [journal.trouble]
        time.sleep(0.6)
        seen.append(journal.trouble)
        journal._writer._refused("full")
        time.sleep(0.6)
        print(json.dumps([*seen, journal.trouble]))
    """

    assert json.loads(programs.run(source, path)) == ["full", None, "full"]


def test_no_journal_is_opened_on_a_full_disk(full_disk: dict[str, Any]) -> None:
    assert "second.db" in full_disk["second"]


def test_a_disk_that_breaks_off_a_write_loses_nothing_it_took(path: Path) -> None:
    seen = json.loads(programs.run(FILE_LIMIT, path))

    assert len(seen["refused"]) > 10
    assert seen["found"] == seen["kept"]
    assert "disk I/O error" in seen["trouble"]
    assert seen["trouble_after"] is None


# Steps


def test_a_step_that_breaks_half_way_leaves_no_half(journal: WALManager) -> None:
    """A lone surrogate is found when the payload is written, after the row."""
    with pytest.raises(UnicodeEncodeError):
        journal.log_task_start("t1", "probe", b"photo", headers={"name": "\ud800"})

    with pytest.raises(UnknownTask):
        journal.task("t1")
    assert journal.log_task_start("t1", "probe", b"photo").new


def test_a_step_that_breaks_is_no_trouble_of_the_disk(journal: WALManager) -> None:
    with pytest.raises(UnicodeEncodeError):
        journal.log_task_start("t1", "probe", b"photo", headers={"name": "\ud800"})

    assert journal.trouble is None


def test_a_broken_step_does_no_harm_to_the_others_of_its_batch(path: Path) -> None:
    """The writer is held up while good and bad calls queue, so that they are one batch."""
    source = """
        import sys, threading, time
        from prometheus_client import REGISTRY
        from wal import UnknownTask, WALManager

        journal = WALManager(sys.argv[1], worker="probe")
        outcome = {}

        def start(number):
            headers = {"name": "\\ud800"} if number % 5 == 0 else {}
            try:
                if number % 5 == 1:
                    journal.log_task_processing("nobody")
                outcome[number] = journal.log_task_start(f"t{number}", "probe", b"", headers=headers).new
            except (UnicodeEncodeError, UnknownTask) as error:
                outcome[number] = type(error)

        held = threading.Thread(target=journal._writer.run, args=[lambda _: time.sleep(0.5)])
        calls = [threading.Thread(target=start, args=[number]) for number in range(20)]
        for thread in (held, *calls):
            thread.start()
        for thread in (held, *calls):
            thread.join()
        assert REGISTRY.get_sample_value("eco2_journal_batch_size_sum") == 21
        assert REGISTRY.get_sample_value("eco2_journal_batch_size_count") <= 3
        assert outcome == {
            number: UnicodeEncodeError if number % 5 == 0 else UnknownTask if number % 5 == 1 else True
            for number in range(20)
        }, outcome
        print(*sorted(journal.recover_pending_tasks()))
    """
    kept = programs.run(source, path).split()

    assert kept == sorted(f"t{number}" for number in range(20) if number % 5 > 1)


def test_a_caller_gets_its_own_error(journal: WALManager) -> None:
    errors: dict[str, str] = {}

    def ask(task_id: str) -> None:
        try:
            journal.task(task_id)
        except UnknownTask as error:
            errors[task_id] = str(error)

    threads = [threading.Thread(target=ask, args=[f"nobody-{number}"]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == {f"nobody-{number}": f"nobody-{number}: no such task" for number in range(16)}


# Closing


def test_a_closed_journal_refuses(journal: WALManager) -> None:
    """Guards W9."""
    journal.close()

    with pytest.raises(JournalClosed, match="closed"):
        journal.log_task_start("t1", "probe", b"")


def test_telling_a_closed_journal_what_was_told_does_no_harm(journal: WALManager) -> None:
    journal.log_task_start("t1", "probe", b"")
    task = journal.task("t1")
    journal.close()

    journal.mark_announced("t1", task.version)


def test_closing_twice_is_closing_once(journal: WALManager) -> None:
    journal.close()
    journal.close()


def test_many_journals_may_come_and_go(tmp_path: Path) -> None:
    """None leaves a file descriptor behind."""
    before = len(os.listdir("/proc/self/fd"))
    for number in range(30):
        WALManager(tmp_path / f"{number}.db", worker="probe").close()

    assert len(os.listdir("/proc/self/fd")) <= before + 1
