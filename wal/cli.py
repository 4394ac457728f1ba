"""The operators' view: ``python -m wal.cli status|tasks|show|dead|doctor|retry|cancel|unpark|prune|backup``.

Looking is done read-only beside the running workers. What changes a journal is asked of the worker that owns it,
over RPC; where it does not run, its journal is changed here and the worker acts on it at its start.

Settings: ``ECO2_STATE_DIR`` (the journals), ``ECO2_DATABASE_URL``, ``ECO2_AMQP_URL``.
"""

import argparse
import re
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from peewee import DatabaseError

from wal import JournalError, WALManager, doctor, inspect, printing
from wal.backup import back_up
from wal.file import quarantined
from wal.owner import EXIT_AWAY, EXIT_GRAVE, EXIT_USAGE, Trouble, by_owner, setting

PRUNED_S = 600.0  # a million rows take a minute or two

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

T = TypeVar("T")


def status(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    now = time.time()
    return _each(files, lambda path: _flat(inspect.state(path), now))


def _flat(facts: inspect.FileState, now: float) -> dict[str, Any]:
    return {
        "worker": facts.worker,
        "running": facts.running,
        **facts.by_state,
        "heartbeat_s": _age(facts.oldest_heartbeat_at, now),
        "unsynced": facts.unsynced,
        "oldest_unsynced_s": _age(facts.oldest_unsynced_at, now),
        "parked": facts.parked,
        "quarantined": facts.quarantined,
        "file_bytes": facts.file_bytes,
        "wal_bytes": facts.wal_bytes,
    }


def tasks(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    shown = ("task_id", "task_type", "state", "attempt", "crashes", "created_at", "finished_at", "error")
    chosen = _of_worker(files, options.worker)
    rows = [row for path in chosen for row in inspect.tasks(path, state=options.state, limit=options.limit)]
    return [{key: row[key] for key in shown} for row in rows], 0


def show(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    for path in files:
        found = inspect.show(path, options.task_id)
        if found is not None:
            return {"journal": str(path), **found}, 0
    raise Trouble(f"no journal in {options.directory} knows the task {options.task_id}", EXIT_USAGE)


def dead(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    queues = [f"tasks.{path.stem}.dead" for path in files]
    return [{"queue": queue, "messages": count} for queue, count in _depths([*queues, "tasks.unroutable"]).items()], 0


def retry(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    def alone(journal: WALManager) -> str:
        journal.reopen(options.task_id)
        return "runs again when its worker starts"

    return _steer(files, options.task_id, "journal_retry", alone)


def cancel(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    def alone(journal: WALManager) -> str:
        journal.cancel(options.task_id)
        return "is cancelled; its worker tells so when it starts"

    return _steer(files, options.task_id, "journal_cancel", alone)


def _steer(files: list[Path], task_id: str, method: str, alone: Callable[[WALManager], str]) -> tuple[Any, int]:
    path, _ = _known(files, task_id)
    outcome = by_owner(path, alone, method, task_id)
    return {"task_id": task_id, "worker": path.stem, "outcome": outcome}, 0


def _known(files: list[Path], task_id: str) -> tuple[Path, dict[str, Any]]:
    """The first journal that has the task, and what it has of it."""
    for path in files:
        if (task := inspect.show(path, task_id)) is not None:
            return path, task
    raise Trouble(f"no journal knows the task {task_id}", EXIT_USAGE)


def unpark(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    chosen = _of_worker(files, options.worker)
    sent: list[dict[str, str]] = []  # also what was unparked before something went wrong

    def again(path: Path, parked: list[inspect.Parked]) -> None:
        ids = [row.task_id for row in parked]
        when = "now" if inspect.owned(path) else "when its worker starts"
        unparked = set(by_owner(path, lambda journal: journal.unpark(ids), "journal_unpark", ids))
        for row in parked:
            if row.task_id in unparked:
                sent.append({"worker": path.stem, "task_id": row.task_id, "sent": when, "error": row.sync_error})

    def each(path: Path) -> None:
        for parked in inspect.parked(path):
            again(path, parked)

    if options.all:
        _, code = _each(chosen, each)
        return sent, code
    path, task = _known(chosen, options.task_id)
    if task["sync_error"] is not None:
        again(path, [inspect.Parked(options.task_id, task["sync_error"])])
    if not sent:
        raise Trouble(f"{options.task_id}: it is {task['state']} and its row is not parked", EXIT_GRAVE)
    return sent, 0


def prune(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    before = time.time() - options.older_than
    chosen = _of_worker(files, options.worker)
    counted = {path: inspect.prunable(path, before) for path in chosen}
    if any(counted.values()) and not options.yes:
        each = ", ".join(f"{path.stem} {count}" for path, count in counted.items() if count)
        _agree(f"Delete {sum(counted.values())} finished tasks ({each}) that PostgreSQL has?")

    def pruned(path: Path) -> dict[str, Any]:
        if not counted[path]:
            return {"worker": path.stem, "rows": 0}
        gone = by_owner(path, alone, "journal_prune", options.older_than, PRUNED_S)
        return {"worker": path.stem, "rows": gone}

    def alone(journal: WALManager) -> int:
        from wal.amqp.control import prune_all

        return prune_all(journal, options.older_than)

    return _each(chosen, pruned)


def backup(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    chosen = _of_worker(files, options.worker)
    folder = Path(options.to or options.directory / "backups")
    if not options.to:
        folder.mkdir(mode=0o700, exist_ok=True)
    if folder.resolve() == options.directory.resolve():
        raise Trouble(f"{folder} has the journals themselves: a copy there would be taken for one", EXIT_USAGE)

    return _each(chosen, lambda path: asdict(back_up(path, folder)))


def _each(files: list[Path], act: Callable[[Path], T]) -> tuple[list[T], int]:
    """What `act` returns for each; what goes wrong with one is said, and does not keep the others."""
    answers, code = [], 0
    for path in files:
        try:
            answers.append(act(path))
        except (Trouble, JournalError, DatabaseError) as trouble:
            print(f"{path.stem}: {trouble}", file=sys.stderr)
            code = max(code, trouble.code if isinstance(trouble, Trouble) else EXIT_GRAVE)
    return answers, code


def _of_worker(files: list[Path], worker: str | None) -> list[Path]:
    chosen = [path for path in files if worker in (None, path.stem)]
    if not chosen:
        raise Trouble(f"there is no journal of a worker {worker}", EXIT_USAGE)
    return chosen


def _agree(question: str) -> None:
    if not sys.stdin.isatty():
        raise Trouble(f"{question} Nobody is there to answer: --yes answers for you", EXIT_GRAVE)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != "y":
        raise Trouble("nothing was changed", EXIT_GRAVE)


def examine(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    import psycopg2

    try:
        connection = psycopg2.connect(setting("ECO2_DATABASE_URL"), connect_timeout=5)
    except psycopg2.OperationalError as error:
        raise Trouble(f"PostgreSQL (ECO2_DATABASE_URL) cannot be reached: {error}", EXIT_AWAY) from None
    try:
        queues = _depths([f"tasks.{path.stem}" for path in files])
        aside = quarantined(options.directory)
        report = doctor.examine(files, doctor.known_to(connection), queues, quarantined=aside)
    finally:
        connection.close()
    shown = {"healthy": report.healthy, "findings": [asdict(one) for one in report.findings], "notes": report.notes}
    return shown, 0 if report.healthy else EXIT_GRAVE


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        directory = options.directory = Path(options.directory or setting("ECO2_STATE_DIR"))
        files = inspect.journals(directory)
        if not files:
            raise Trouble(f"there is no journal in {directory}", EXIT_USAGE)
        answer, code = options.run(files, options)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return trouble.code
    except DatabaseError as error:
        print(f"a journal cannot be read, and the doctor says which: {error}", file=sys.stderr)
        return EXIT_GRAVE
    except (JournalError, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_GRAVE
    if options.json:
        printing.show_json(answer)
    elif answer or not code:
        printing.show(answer, options.shape)
    return int(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wal", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for scripts")
    parser.add_argument("--directory", help="where the journals are (default: ECO2_STATE_DIR)")
    parser.set_defaults(shape=printing.Shape())
    commands = parser.add_subparsers(required=True)

    def command(name: str, run: Any, text: str, **shape: Any) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run, shape=printing.Shape(**shape))
        return added

    command("status", status, "tasks by state, rows not synced, ages, sizes", turned=True)
    listing = command("tasks", tasks, "the newest tasks", columns=("task_id", "state", "created_at"))
    listing.add_argument("--state", choices=inspect.STATES)
    listing.add_argument("--limit", type=int, default=20)
    command("show", show, "all that is known of a task").add_argument("task_id")
    command("retry", retry, "run a failed task again").add_argument("task_id")
    command("cancel", cancel, "fail a task that waits, interrupt one that runs").add_argument("task_id")
    unparking = command(
        "unpark",
        unpark,
        "send rows again that PostgreSQL has refused, once the cause is mended; says what it had said of each. "
        "What it refuses again is parked again",
    )
    rows = unparking.add_mutually_exclusive_group(required=True)
    rows.add_argument("task_id", nargs="?")
    rows.add_argument("--all", action="store_true", help="each that is parked")
    command("dead", dead, "messages in the dead-letter queues")
    command("doctor", examine, "hold journals, PostgreSQL and queues against each other")
    pruning = command(
        "prune",
        prune,
        "delete finished tasks from the journals; what PostgreSQL does not have never goes. "
        "A task whose message comes again after that is run again",
        line="{worker}: {rows} rows deleted",
    )
    pruning.add_argument("--older-than", required=True, type=_duration, help="finished so long ago: 30m, 12h, 7d")
    pruning.add_argument("--yes", action="store_true", help="do not ask")
    copying = command(
        "backup",
        backup,
        "copy each journal, while its worker runs",
        line="{worker}: {rows} tasks, {bytes} bytes in {path}",
    )
    copying.add_argument("--to", help="a folder that exists (default: backups/ beside the journals)")
    for one in (listing, unparking, pruning, copying):
        one.add_argument("--worker", help="of this worker alone")
    return parser


def _duration(text: str) -> float:
    """Seconds from 90s, 30m, 12h, 7d."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 90s, 30m, 12h or 7d")
    return float(found[1]) * SECONDS[found[2]]


def _age(moment: float | None, now: float) -> float | None:
    return None if moment is None else max(0.0, round(now - moment, 1))


def _depths(queues: list[str]) -> dict[str, int]:
    from amqp.exceptions import NotFound
    from kombu import Connection
    from kombu.exceptions import OperationalError

    depths = {}
    try:
        with Connection(setting("ECO2_AMQP_URL"), connect_timeout=5) as connection:
            for queue in queues:
                try:
                    with connection.channel() as channel:
                        depths[queue] = channel.queue_declare(queue, passive=True).message_count
                except NotFound:
                    continue
    except (OperationalError, OSError) as error:
        raise Trouble(f"RabbitMQ (ECO2_AMQP_URL) cannot be reached: {error}", EXIT_AWAY) from None
    return depths


if __name__ == "__main__":
    warnings.filterwarnings("ignore", r"\s*Eventlet is deprecated")  # Nameko imports it; no operator can help that
    sys.exit(main())
