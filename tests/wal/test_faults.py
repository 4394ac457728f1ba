"""Faults under load: whatever goes away or jumps, every task that was accepted is completed, by the same process.

The parts are this module's own, so that they can be stopped and killed. `ECO2_TEST_OUTAGE_S` is how many
seconds PostgreSQL is away (default 6).
"""

import os
import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, pairwise
from pathlib import Path

import psutil
import psycopg2
import pytest
from kombu import Connection, pools
from uuid6 import uuid7

from services.kernel import migrations
from tests.stack import TestStack, eventually, started
from tests.wal.loaded import STAGES, Load, LoadedWorker, inside, read
from wal.records import Work

OUTAGE_S = float(os.environ.get("ECO2_TEST_OUTAGE_S", "6"))

DAY_S, HOUR_S = 86400.0, 3600.0

# A file system of 12 MB that only the program can see, and that goes with it.
TWELVE_MEGABYTES = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=12m tmpfs "$0" && exec "$@"']

Hire = Callable[..., LoadedWorker]


@pytest.fixture(scope="module")
def parts() -> Iterator[TestStack]:
    """RabbitMQ and PostgreSQL of this module's own, without services."""
    with started("--no-services") as running:
        list(migrations.up(running.settings["ECO2_DATABASE_URL"]))
        yield running


@contextmanager
def hiring(parts: TestStack, folder: Path) -> Iterator[Hire]:
    """Makes workers that end with the block."""
    pools.reset()  # as in a process of its own: none of its connections has met the fault of the test before
    hired: list[LoadedWorker] = []

    def new(**options: object) -> LoadedWorker:
        hired.append(LoadedWorker(parts, folder / f"worker-{len(hired)}", **options))  # type: ignore[arg-type]
        return hired[-1]

    try:
        yield new
    finally:
        for worker in hired:
            worker.clear()


@pytest.fixture
def hire(parts: TestStack, tmp_path: Path) -> Iterator[Hire]:
    """Makes workers that end with the test."""
    with hiring(parts, tmp_path) as new:
        yield new


def broker_answers(parts: TestStack) -> bool:
    with suppress(OSError), Connection(parts.settings["ECO2_AMQP_URL"], connect_timeout=1) as connection:
        connection.connect()
        return True
    return False


def database_answers(parts: TestStack) -> bool:
    with suppress(psycopg2.Error):
        return parts.sql("SELECT 1") == [(1,)]
    return False


@contextmanager
def away(parts: TestStack, part: str, answers: Callable[[TestStack], bool]) -> Iterator[None]:
    """A part that is stopped meanwhile."""
    parts.supervisor(lambda supervisor: supervisor.stop([part]))
    try:
        yield
    finally:
        parts.supervisor(lambda supervisor: supervisor.start(part))
        eventually(lambda: answers(parts), within_s=60)


@contextmanager
def killed(parts: TestStack, part: str, answers: Callable[[TestStack], bool]) -> Iterator[None]:
    """A part that gets SIGKILL and is started again by its supervisor."""
    parts.kill(part)
    yield
    eventually(lambda: answers(parts), within_s=60)


def figures(**values: float) -> None:
    """Told to who runs the tests with -s or -rP."""
    print("figures:", ", ".join(f"{name} {value:.2f}" for name, value in values.items()))


def ends_well(worker: LoadedWorker, ids: list[str]) -> None:
    """All are completed, once, by this very process."""
    worker.finish(ids)
    worker.agree(ids)
    worker.once(ids)
    assert worker.alive
    assert worker.leaves_behind() == 0


# RabbitMQ


@dataclass
class Outage:
    """What two workers met while RabbitMQ was away: one that stayed, one that was asked to end meanwhile."""

    stayed: LoadedWorker
    left: LoadedWorker
    load: Load
    held: list[str]
    """Tasks of the one that stayed, which ended while RabbitMQ was away."""
    untold: bool
    unready: bool
    consumed_after_s: float
    others: list[str]
    """Tasks of the one that left: some ended in time, some did not, some had not begun."""
    exit_code: int
    ended_after_s: float


DRAIN_S = 2.0
KILLED_AFTER_S = 20.0  # by supervisord, and by Kubernetes in 30
EXIT_DRAIN = 5  # services.kernel.run; importing it would make this process green

LONGEST_RECONNECT_S = 15.0
"""kombu's pauses between its tries grow by two seconds; after half a minute without RabbitMQ they are at ten."""


@pytest.fixture(scope="module", params=[away, killed], ids=["restarted", "killed"])
def outage(
    request: pytest.FixtureRequest, parts: TestStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outage]:
    """RabbitMQ stops or is killed under load, and comes back."""
    with hiring(parts, tmp_path_factory.mktemp("outage")) as hire:
        stayed, left = hire(), hire(DRAIN_S=DRAIN_S)
        for worker in (stayed, left):
            worker.launch()
        for worker in (stayed, left):
            worker.is_ready()
        held = stayed.hold(5)
        others = [left.put("work", 2) for _ in range(5)] + left.hold(15) + [left.put("work", 0) for _ in range(20)]
        with Load(stayed) as load:
            load.more(30)
            with request.param(parts, "rabbitmq", broker_answers):
                eventually(lambda: not broker_answers(parts), within_s=30)
                gone = time.monotonic()
                stayed.release()
                eventually(lambda: stayed.states(held) == {"completed"})
                untold = all(row["announced_version"] < row["version"] for row in map(stayed.rows().get, held))
                unready = "broker" in (stayed.ready() or {})
                exit_code, ended_after_s = left.terminate(within_s=30)
                left.release()
                left.launch()
            back = time.monotonic()
            new = load.more(1)
            eventually(lambda: stayed.states(new) == {"completed"}, within_s=40, every_s=0.02)
            consumed_after_s = time.monotonic() - back
            load.more(20)
        figures(away_s=back - gone, consumed_after_s=consumed_after_s, tasks=len(load.accepted), refused=load.refused)
        figures(ended_after_s=ended_after_s, exit_code=exit_code)
        yield Outage(stayed, left, load, held, untold, unready, consumed_after_s, others, exit_code, ended_after_s)


def test_a_worker_whose_broker_was_away_consumes_again_by_itself(outage: Outage) -> None:
    """One that lives, is connected, and is given nothing any more is the classical way for this to go wrong."""
    worker, ids = outage.stayed, [*outage.held, *outage.load.accepted]
    worker.finish(ids)

    worker.agree(ids)
    worker.once(ids)
    assert worker.starts == 1
    assert worker.alive
    assert outage.unready
    assert worker.ready() == {}
    assert outage.consumed_after_s < LONGEST_RECONNECT_S
    assert worker.leaves_behind() == 0


def test_tasks_that_ended_while_the_broker_was_away_are_told_afterwards(outage: Outage) -> None:
    assert outage.untold
    eventually(lambda: {("completed", task_id) for task_id in outage.held} <= outage.stayed.told())


def test_a_worker_that_is_asked_to_end_while_its_broker_is_away_ends_in_time(outage: Outage) -> None:
    """And the next one may be started while RabbitMQ is still away: it waits for it, and completes all."""
    assert outage.exit_code in (0, EXIT_DRAIN)
    assert outage.ended_after_s < KILLED_AFTER_S

    worker = outage.left
    worker.finish(outage.others)
    worker.agree(outage.others)
    worker.once(outage.others)
    assert worker.leaves_behind() == 0


def test_tasks_may_be_put_by_a_process_whose_broker_was_away(outage: Outage) -> None:
    """Also by a publisher that is made afterwards, over connections that were lost."""
    outage.left.publisher().put(Work(str(uuid7()), f"{outage.left.name}.work", b"0", "application/json"))


def test_a_connection_that_breaks_at_an_acknowledgement_costs_nothing(hire: Hire) -> None:
    """An acknowledgement that cannot be sent is no reason to die: the message comes again, and is known."""
    worker = hire()
    worker.start()
    held = worker.hold(5)
    with Load(worker) as load:
        for _ in range(2):
            load.more(20)
            worker.cut_at_the_next_acknowledgement()
        cut = time.monotonic()
        new = load.more(1)
        eventually(lambda: worker.states(new) == {"completed"}, every_s=0.02)
        consumed = time.monotonic()
        worker.release()
        load.more(20)
    ids = [*held, *load.accepted]

    ends_well(worker, ids)
    figures(consumed_after_s=consumed - cut, tasks=len(ids))


# PostgreSQL


def test_while_postgresql_is_away_the_work_goes_on_and_its_rows_come_afterwards(parts: TestStack, hire: Hire) -> None:
    worker = hire(WAL__SYNC_BATCH=50)
    worker.start()
    with Load(worker) as load:
        load.more(20)
        with away(parts, "postgresql", database_answers):
            end, backlog = time.monotonic() + OUTAGE_S, [worker.unsynced()]
            while time.monotonic() < end:
                worked = load.more(10)
                eventually(lambda ids=worked: worker.states(ids) == {"completed"})
                backlog.append(worker.unsynced())
            missed = list(load.accepted)
        back = time.monotonic()
        here = len(worker.known(missed))
        eventually(lambda: len(worker.known(missed)) > here, within_s=OUTAGE_S + 5, every_s=0.01)
        began, had = time.monotonic(), len(worker.known(missed))
        eventually(lambda: len(worker.known(missed)) == len(missed), every_s=0.01)
        ended = time.monotonic()
        eventually(lambda: worker.unsynced() < 20)

    worker.finish(load.accepted)
    worker.agree(load.accepted)
    worker.once(load.accepted)
    assert backlog == sorted(backlog)
    assert backlog[-1] > OUTAGE_S * 10
    assert {row["attempt"] for row in worker.rows().values()} == {1}
    assert worker.alive
    assert worker.leaves_behind() == 0
    figures(
        away_s=OUTAGE_S,
        backlog=len(missed) - here,
        first_rows_after_s=began - back,
        rows_a_s=(len(missed) - had) / max(ended - began, 0.001),
        caught_up_after_s=ended - back,
    )


@pytest.mark.parametrize("answer", ["refuses", "says nothing"])
def test_a_worker_that_is_asked_to_end_while_postgresql_is_away_ends_in_time(
    parts: TestStack, hire: Hire, answer: str
) -> None:
    """A PostgreSQL that takes connections and says nothing is worse than one that refuses: it may hang who asks."""
    worker = hire(DRAIN_S=DRAIN_S)
    worker.start()
    held = worker.hold(5)
    with away(parts, "postgresql", database_answers) if answer == "refuses" else frozen(parts, "postgresql"):
        quick = [worker.put("work", 0.02) for _ in range(20)]
        eventually(lambda: worker.states(quick) == {"completed"})
        worker.release()
        code, seconds = worker.terminate(within_s=30)
        assert worker.states(held) == {"completed"}
    ids = [*held, *quick]
    assert worker.waiting() == 0

    worker.start()

    worker.finish(ids)
    worker.agree(ids)
    worker.once(ids)
    assert worker.leaves_behind() == 0
    assert code == (0 if answer == "refuses" else EXIT_DRAIN)
    assert seconds < KILLED_AFTER_S
    figures(ended_after_s=seconds, exit_code=code)


@contextmanager
def frozen(parts: TestStack, part: str) -> Iterator[None]:
    """A part that takes connections and bytes and says nothing meanwhile."""
    top = psutil.Process(parts.pid(part))
    processes = [top, *top.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(processes):
            process.resume()


# The disk


def test_a_full_disk_stops_a_worker_until_there_is_room(parts: TestStack, hire: Hire) -> None:
    """It takes what it is given at once (its 20 places) and then no more; nothing runs that has no row."""
    worker = hire(under=TWELVE_MEGABYTES)
    if subprocess.run([*TWELVE_MEGABYTES, str(worker.journal.parent), "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system of their own")
    worker.start()
    ballast = inside(worker.pid, worker.journal.parent / "ballast")

    def fill() -> None:
        with ballast.open("ab", buffering=0) as out, suppress(OSError):
            while out.write(b"x" * 4096):
                pass

    refuses_until_there_is_room(worker, fill, ballast.unlink, "full")


def test_a_disk_that_breaks_writes_off_stops_a_worker_until_it_is_well(parts: TestStack, hire: Hire) -> None:
    """By a limit on the size of its files, which the kernel answers with an error in the middle of a write.

    16 kB: less than the journal and the file beside it have, so that no checkpoint makes room, and more than the
    effects.
    """
    worker = hire()
    worker.start()
    _, most = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)

    def limit() -> None:
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (16_384, most))

    def lift() -> None:
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (most, most))

    refuses_until_there_is_room(worker, limit, lift, "disk I/O error")


def refuses_until_there_is_room(
    worker: LoadedWorker, spoil: Callable[[], object], mend: Callable[[], object], reason: str
) -> None:
    held = worker.hold(5)
    with Load(worker) as load:
        load.more(40)
        spoil()
        eventually(lambda: not worker.alive or reason in (worker.ready() or {}).get("journal", ""))
        full = time.monotonic()
        worker.release()
        late = load.more(45)[20:]
        time.sleep(0.5)
        assert worker.alive, "it died of it"
        done, waiting = worker.effects(), worker.waiting()
        rows = worker.rows()
        assert waiting >= len(late)
        assert {task_id for _, task_id in done} <= set(rows)
        assert not any(done["one", task_id] for task_id in late)
        assert "completed" not in worker.states(held)
        load.more(10)
        assert worker.effects() == done
        assert worker.alive, "it died of it"
        assert reason in (worker.ready() or {})["journal"]

        mend()
        mended = time.monotonic()
        eventually(lambda: worker.effects() != done, within_s=30)
        worked = time.monotonic()
        eventually(lambda: worker.ready() == {}, within_s=20)
        well = time.monotonic()
        load.more(20)
    ids = [*held, *load.accepted]

    ends_well(worker, ids)
    figures(
        full_s=mended - full,
        waiting=waiting,
        works_again_after_s=worked - mended,
        ready_after_s=well - mended,
        tasks=len(ids),
    )


# A torn file


@pytest.fixture(scope="module")
def torn(parts: TestStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedWorker]:
    """The worker whose journal is cut, again and again."""
    worker = LoadedWorker(parts, tmp_path_factory.mktemp("torn"))
    worker.start()
    yield worker
    worker.clear()


def commits(log: bytes) -> list[int]:
    """Where each transaction in a -wal file ends (https://www.sqlite.org/fileformat2.html#walformat)."""
    frame = 24 + int.from_bytes(log[8:12], "big")
    return [end for end in range(32 + frame, len(log) + 1, frame) if any(log[end - frame + 4 : end - frame + 8])]


def within_a_frame(log: bytes) -> tuple[bytes, int]:
    return log[:-100], commits(log)[-2]


def within_a_transaction(log: bytes) -> tuple[bytes, int]:
    """Between two frames of one commit, in the second half of the file."""
    frame, ends = 24 + int.from_bytes(log[8:12], "big"), commits(log)
    whole = next(a for a, b in pairwise(ends) if b - a > frame and a > len(log) / 2)
    return log[: whole + frame], whole


def between_transactions(log: bytes) -> tuple[bytes, int]:
    half = commits(log)[len(commits(log)) // 2]
    return log[:half], half


def to_nothing(log: bytes) -> tuple[bytes, int]:
    return b"", 0


def a_flipped_byte(log: bytes) -> tuple[bytes, int]:
    """All from there on fails its checksum, although it is whole."""
    at = len(log) // 2
    return log[:at] + bytes([log[at] ^ 1]) + log[at + 1 :], max(end for end in commits(log) if end <= at)


@dataclass
class Past:
    """What a worker did before it was killed, and how long its -wal file was when each was on the disk."""

    quick: list[str]
    """Tasks that were completed, told, acknowledged and synced."""
    completed_by: list[tuple[int, list[str]]]
    held: list[str]
    """Tasks that were running."""
    begun_by: int

    def completed(self, whole: int) -> set[str]:
        """What was completed in the first `whole` bytes."""
        return {task_id for size, wave in self.completed_by if size <= whole for task_id in wave}

    def begun(self, whole: int) -> set[str]:
        return set(self.held) if self.begun_by <= whole else set()


def killed_at_work(worker: LoadedWorker, until: str) -> Past:
    """It works, and gets SIGKILL; what is held runs until `until` is released."""
    log = Path(f"{worker.journal}-wal")
    if not worker.alive:
        worker.start()
    past = Past([], [], [], 0)
    for round_ in range(5):
        if round_ == 4:
            past.held = worker.hold(10, until)
            past.begun_by = log.stat().st_size
        wave = [worker.put("work", 0.01) for _ in range(4)]
        eventually(lambda ids=wave: worker.states(ids) == {"completed"}, every_s=0.02)
        past.completed_by.append((log.stat().st_size, wave))
        past.quick += wave
    eventually(lambda: worker.known(past.quick) == dict.fromkeys(past.quick, "completed"))
    eventually(lambda: worker.metrics()["eco2_tasks_in_flight"] == [10.0])
    worker.kill()
    return past


def test_wherever_a_journal_is_cut_what_is_before_is_there_and_no_half_of_a_transaction(
    torn: LoadedWorker, tmp_path: Path
) -> None:
    """At the end of every transaction of some seconds' work."""
    past = killed_at_work(torn, "sweep")
    log = Path(f"{torn.journal}-wal").read_bytes()
    copy = tmp_path / "copy.db"

    for whole in commits(log):
        shutil.copy(torn.journal, copy)
        Path(f"{copy}-wal").write_bytes(log[:whole])
        tasks = whole_tasks(copy)
        assert {tasks[task_id]["state"] for task_id in past.completed(whole)} <= {"completed"}
        assert {tasks[task_id]["state"] for task_id in past.begun(whole)} <= {"processing"}

    torn.release("sweep")
    figures(cuts=len(commits(log)), frames_bytes=len(log))


@pytest.mark.parametrize(
    "cut", [within_a_frame, within_a_transaction, between_transactions, a_flipped_byte, to_nothing]
)
def test_a_worker_that_finds_its_journal_torn_goes_on_from_what_is_whole(
    torn: LoadedWorker, cut: Callable[[bytes], tuple[bytes, int]]
) -> None:
    """Nothing is lost end to end of a task whose message was not acknowledged: RabbitMQ delivers it again.

    What it did in the part that was cut it may do again: the rows that said so are gone. A task that was
    acknowledged is either in PostgreSQL or in the part that is whole, or else lost: see the next test.
    """
    past = killed_at_work(torn, until=cut.__name__)
    log = Path(f"{torn.journal}-wal")
    torn_log, whole = cut(log.read_bytes())
    log.write_bytes(torn_log)
    safe, begun = past.completed(whole), past.begun(whole)
    assert safe or whole == 0

    torn.start()
    torn.release(until=cut.__name__)

    ids = [*past.quick, *past.held]
    torn.finish(ids)
    eventually(lambda: torn.unsynced() == 0)
    rows, effects = torn.rows(), torn.effects()
    assert {row["state"] for row in rows.values()} == {"completed"}
    assert safe <= set(rows)
    assert all(effects[stage, task_id] == 1 for task_id in safe for stage in STAGES)
    assert all(effects["one", task_id] == 1 for task_id in begun)
    assert all(effects["two", task_id] == 1 for task_id in past.held)
    done = [(stage, task_id) for task_id in ids for stage in STAGES]
    assert {effects[key] for key in done} <= {1, 2}
    assert torn.leaves_behind() == 0
    twice = sum(effects[key] > 1 for key in done)
    figures(frames_bytes=len(torn_log), whole_bytes=whole, safe=len(safe), begun=len(begun), twice=twice)


def whole_tasks(journal: Path) -> dict[str, dict[str, object]]:
    """The tasks of a journal that is sound, and in which each transaction was kept or not."""
    file = sqlite3.connect(journal)
    try:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        halves = """
            SELECT count(*) FROM task LEFT JOIN payload USING (task_id)
            WHERE (state = 'completed') = (body IS NOT NULL)
        """
        assert file.execute(halves).fetchone() == (0,)
        for part in ("payload", "checkpoint"):
            strays = f"SELECT count(*) FROM {part} WHERE task_id NOT IN (SELECT task_id FROM task)"  # noqa: S608
            assert file.execute(strays).fetchone() == (0,)
    finally:
        file.close()
    return read(journal)


def test_what_a_torn_journal_had_alone_is_lost_but_was_told(parts: TestStack, hire: Hire) -> None:
    """The limit of what is promised: a task that was completed, told and acknowledged, and not yet synced.

    Its row was on the disk before it was told. A disk that loses what it has confirmed loses the record of the
    task; its effect and its outcome, which was told before the message was acknowledged, it cannot take back.
    """
    worker = hire(WAL__SYNC_INTERVAL_S=300)
    worker.start()
    ids = [worker.put("work", 0) for _ in range(5)]
    eventually(lambda: {("completed", task_id) for task_id in ids} <= worker.told())
    eventually(lambda: worker.metrics()["eco2_tasks_in_flight"] == [0.0])
    worker.kill()
    if not os.path.getsize(f"{worker.journal}-wal"):
        pytest.skip("this machine is so slow that the idle worker had written all into the file itself")
    os.truncate(f"{worker.journal}-wal", 0)

    worker.start()

    assert worker.rows() == {}
    assert worker.known(ids) == {}
    assert worker.waiting() == 0
    worker.once(ids)
    again = worker.put("work", 0, ids[0])
    eventually(lambda: worker.states([again]) == {"completed"})


# The clock


def test_a_clock_that_jumps_neither_loses_nor_delays_nor_times_out(parts: TestStack, hire: Hire) -> None:
    """A day ahead and two hours back, five times a second, under a retention of an hour and small batches.

    So that rows of all three times wait side by side, and what is synced is pruned in between.
    """
    worker = hire(WAL__RETAIN_S=HOUR_S, WAL__SYNC_BATCH=10)
    worker.start()
    clock = cycle([DAY_S, -2 * HOUR_S, 0.0])
    slow = [worker.put("work", 2.0) for _ in range(3)]
    with Load(worker, per_s=60) as load:
        for _ in range(12):
            worker.set_clock(next(clock))
            time.sleep(0.2)
        early = list(load.accepted)
        eventually(lambda: len(worker.known(early)) == len(early), within_s=30)
        hanging, refused = worker.put("hangs_once"), worker.put("refused")
        worker.set_clock(DAY_S)
        negative = {name: values for name, values in worker.metrics().items() if min(values) < 0}
    ids = [*slow, *load.accepted]
    time.sleep(1.5)  # with nothing to do, it looks whether RabbitMQ's last sign of life was too long ago
    worker.finish([*ids, hanging])
    eventually(lambda: worker.rows()[refused]["sync_error"])

    worker.set_clock(2 * DAY_S)
    time.sleep(1)
    assert refused in worker.rows(), "what PostgreSQL does not have is kept, however old"
    assert negative == {}
    assert parts.sql(
        "SELECT attempt, count(*) FROM tasks.task_results WHERE task_id = ANY(%s) GROUP BY attempt", ids
    ) == [(1, len(ids))]
    assert parts.sql("SELECT attempt FROM tasks.task_results WHERE task_id = %s", hanging) == [(2,)]
    worker.once([*ids, hanging])
    assert worker.unsynced() == 1
    assert worker.alive
    assert "onnection" not in worker.log
    assert worker.leaves_behind() == 0
    figures(tasks=len(ids), kept=len(worker.rows()))
