"""The journal: durable, readable after anything, and closed to what cannot be durable."""

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.run import ExitCode, Options, Redactor
from provisioning.run.errors import JournalCorrupt, JournalUnwritable
from provisioning.run.journal import Journal, read
from provisioning.run.records import Kind
from provisioning.run.state import Status, fold
from tests.provisioning.run.world import World, cluster, command


def written(path: Path) -> bytes:
    with Journal(path, Redactor()) as journal:
        journal.append(Kind.RUN_BEGUN, command="./inv rebuild", selection={"only": []})
        for node in ("master", "노드"):
            journal.append(Kind.STEP_BEGUN, phase="prepare", node=node, attempt=1, inputs="0" * 64)
            journal.append(Kind.STEP_DONE, phase="prepare", node=node, attempt=1, took_s=0.5)
    return path.read_bytes()


def test_records_are_numbered_dated_in_utc_and_read_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, Redactor()) as journal:
        first = journal.append(Kind.RUN_BEGUN, command="./inv rebuild")
        second = journal.append(Kind.RUN_ENDED, exit_code=0)

    records, size = read(path)

    assert records == [first, second]
    assert [record.seq for record in records] == [1, 2]
    assert all(record.at.utcoffset() is not None and not record.at.utcoffset() for record in records)
    assert size == path.stat().st_size
    assert path.stat().st_mode & 0o077 == 0


def test_cut_off_at_any_byte_the_whole_records_are_read_and_the_next_follows_them(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    whole = written(path)
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        complete = sum(end <= cut for end in ends)
        assert len(read(path)[0]) == complete
        if cut % 17 == 0:
            with Journal(path, Redactor()) as journal:
                assert journal.append(Kind.RUN_RESUMED).seq == complete + 1
            assert len(read(path)[0]) == complete + 1


@pytest.mark.parametrize("tail", [b"\0" * 300, b"\0" * 300 + b"\n", b'{"seq": 6, "at": '])
def test_a_last_line_that_never_became_whole_is_dropped(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(written(path) + tail)

    assert len(read(path)[0]) == 5


@pytest.mark.parametrize("line", [0, 2])
def test_damage_before_the_last_record_is_refused_and_named(tmp_path: Path, line: int) -> None:
    path = tmp_path / "run.jsonl"
    lines = written(path).splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:line], b"{}\n", *lines[line + 1 :]]))

    with pytest.raises(JournalCorrupt, match=rf"run.jsonl:{line + 1}:"):
        read(path)


def test_a_missing_record_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    lines = written(path).splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))

    with pytest.raises(JournalCorrupt):
        read(path)


def test_each_record_is_synced_before_it_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    sync = os.fsync

    def seen(handle: int) -> None:
        sync(handle)
        happened.append("synced")

    journal = Journal(tmp_path / "run.jsonl", Redactor(), lambda record: happened.append(record.kind))
    monkeypatch.setattr(os, "fsync", seen)
    journal.append(Kind.RUN_BEGUN)
    journal.append(Kind.RUN_ENDED)

    assert happened == ["synced", "run_begun", "synced", "run_ended"]


def test_after_a_record_that_could_not_be_written_none_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    journal = Journal(path, Redactor())
    journal.append(Kind.RUN_BEGUN)

    def full(handle: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(JournalUnwritable, match="No space left"):
            journal.append(Kind.RUN_ENDED, exit_code=0)
    with pytest.raises(JournalUnwritable):
        journal.append(Kind.RUN_ENDED, exit_code=0)
    assert len(read(path)[0]) == 1


@pytest.mark.parametrize("record", [2, 5, 8, 12])
def test_a_run_whose_disk_fills_up_stops_and_acts_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: int
) -> None:
    world = World(tmp_path / "world")
    count = 0
    write = Journal._write

    def filling(self: Journal, line: bytes) -> None:
        nonlocal count
        count += 1
        if count >= record:
            self._broken = True
            raise JournalUnwritable("No space left on device")
        write(self, line)

    with monkeypatch.context() as full:
        full.setattr(Journal, "_write", filling)
        heard = command(tmp_path, cluster(world))
        assert heard.command.perform(Options(yes=True)) is ExitCode.JOURNAL
    assert "E-JOURNAL-UNWRITABLE" in heard.text

    begun = {record.phase for record in read(next((tmp_path / "runs").glob("*.jsonl")))[0]}
    made = {thing for thing in world.things if thing.startswith("cluster.init")}
    assert made == set() or "init" in begun
    resumed = command(tmp_path, cluster(world))
    assert resumed.command.perform(Options(yes=True, resume=True)) is ExitCode.DONE


STEP_KINDS = st.sampled_from([kind for kind in Kind if kind.startswith("step_")])


@given(st.lists(st.tuples(STEP_KINDS, st.sampled_from(["a", "b"]))))
def test_the_state_is_a_fold_in_which_the_last_word_on_a_step_counts(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[Kind, str]]
) -> None:
    path = tmp_path_factory.mktemp("fold") / "run.jsonl"
    with Journal(path, Redactor()) as journal:
        for kind, node in told:
            journal.append(kind, phase="prepare", node=node, inputs="x" if kind is Kind.STEP_BEGUN else None)
    state = fold(read(path)[0])

    for node in ("a", "b"):
        kinds = [kind for kind, name in told if name == node and kind is not Kind.STEP_SKIPPED]
        step = state.steps.get(("prepare", node))
        assert (step is None) == (not kinds)
        if step is not None:
            assert step.status is Status(kinds[-1].removeprefix("step_"))
            assert state.is_done(("prepare", node), "x", []) == (
                kinds[-1] is Kind.STEP_DONE and Kind.STEP_BEGUN in kinds
            )
