"""The operators' view: ``python -m wal.cli status|tasks|show|dead|doctor|retry|cancel``.

Looking is done read-only beside the running workers. ``retry`` and ``cancel`` ask the worker that owns the
journal, over RPC; where it does not run, its journal is changed here and the worker acts on it at its start.

Settings: ``ECO2_STATE_DIR`` (the journals), ``ECO2_DATABASE_URL``, ``ECO2_AMQP_URL``.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from wal import JournalError, JournalLocked, WALManager, doctor, inspect

EXIT_GRAVE, EXIT_USAGE, EXIT_AWAY = 1, 2, 4

TIMES = ("created_at", "started_at", "finished_at", "heartbeat_at", "at")


class Trouble(Exception):
    """What keeps a command from answering, in words; `code` is the exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def status(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    rows = [asdict(inspect.state(path)) for path in files]
    flat = [{"worker": row["worker"], **row["by_state"], **{key: row[key] for key in
             ("unsynced", "parked", "file_bytes", "wal_bytes")}} for row in rows]  # fmt: skip
    return flat, 0


def tasks(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    shown = ("task_id", "task_type", "state", "attempt", "crashes", "created_at", "finished_at", "error")
    chosen = [path for path in files if options.worker in (None, path.stem)]
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
    return _steer(files, options.task_id, "journal_retry", WALManager.reopen, "runs again")


def cancel(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    return _steer(files, options.task_id, "journal_cancel", WALManager.cancel, "is cancelled")


def _steer(
    files: list[Path], task_id: str, method: str, alone: Callable[[WALManager, str], None], outcome: str
) -> tuple[Any, int]:
    path = next((path for path in files if inspect.show(path, task_id) is not None), None)
    if path is None:
        raise Trouble(f"no journal knows the task {task_id}", EXIT_USAGE)
    try:
        journal = WALManager(path, worker=path.stem)
    except JournalLocked:
        _ask_worker(path.stem, method, task_id)
        return {"task_id": task_id, "worker": path.stem, "outcome": outcome}, 0
    try:
        alone(journal, task_id)
    except JournalError as refused:
        raise Trouble(str(refused), EXIT_GRAVE) from None
    finally:
        journal.close()
    return {"task_id": task_id, "worker": path.stem, "outcome": f"{outcome} when its worker starts"}, 0


def _ask_worker(worker: str, method: str, task_id: str) -> None:
    from nameko.exceptions import RemoteError, RpcTimeout, UnknownService
    from nameko.standalone.rpc import ClusterRpcProxy

    try:
        with ClusterRpcProxy({"AMQP_URI": _setting("ECO2_AMQP_URL")}, timeout=10) as cluster:
            getattr(cluster[worker], method)(task_id)
    except RemoteError as refused:
        raise Trouble(str(refused.value), EXIT_GRAVE) from None
    except (RpcTimeout, UnknownService, OSError) as away:
        raise Trouble(f"the worker {worker} holds its journal but does not answer: {away}", EXIT_AWAY) from None


def examine(files: list[Path], options: argparse.Namespace) -> tuple[Any, int]:
    import psycopg2

    try:
        connection = psycopg2.connect(_setting("ECO2_DATABASE_URL"), connect_timeout=5)
    except psycopg2.OperationalError as error:
        raise Trouble(f"PostgreSQL (ECO2_DATABASE_URL) cannot be reached: {error}", EXIT_AWAY) from None
    try:
        report = doctor.examine(files, doctor.known_to(connection), _depths([f"tasks.{path.stem}" for path in files]))
    finally:
        connection.close()
    shown = {"healthy": report.healthy, "findings": [asdict(one) for one in report.findings], "notes": report.notes}
    return shown, 0 if report.healthy else EXIT_GRAVE


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        directory = options.directory = Path(options.directory or _setting("ECO2_STATE_DIR"))
        files = inspect.journals(directory)
        if not files:
            raise Trouble(f"there is no journal in {directory}", EXIT_USAGE)
        answer, code = options.run(files, options)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return trouble.code
    if options.json:
        print(json.dumps(_readable(answer), ensure_ascii=False, indent=2, default=str))
    else:
        _print(_readable(answer), options.columns)
    return int(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wal", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for scripts")
    parser.add_argument("--directory", help="where the journals are (default: ECO2_STATE_DIR)")
    parser.set_defaults(columns=())
    commands = parser.add_subparsers(required=True)
    commands.add_parser("status", help="tasks by state, rows not synced, sizes").set_defaults(
        run=status, columns=("worker", *inspect.STATES, "unsynced", "parked", "file_bytes")
    )
    listing = commands.add_parser("tasks", help="the newest tasks")
    listing.add_argument("--state", choices=inspect.STATES)
    listing.add_argument("--worker", help="of this worker alone")
    listing.add_argument("--limit", type=int, default=20)
    listing.set_defaults(run=tasks, columns=("task_id", "state", "created_at"))
    one = commands.add_parser("show", help="all that is known of a task")
    one.add_argument("task_id")
    one.set_defaults(run=show)
    for name, act, text in (("retry", retry, "run a failed task again"), ("cancel", cancel, "fail a waiting task")):
        steering = commands.add_parser(name, help=text)
        steering.add_argument("task_id")
        steering.set_defaults(run=act)
    commands.add_parser("dead", help="messages in the dead-letter queues").set_defaults(run=dead)
    commands.add_parser("doctor", help="hold journals, PostgreSQL and queues against each other").set_defaults(
        run=examine
    )
    return parser


def _setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Trouble(f"{name} is not set; ./inv sets it for a stack of ./inv up", EXIT_USAGE)
    return value


def _depths(queues: list[str]) -> dict[str, int]:
    from amqp.exceptions import NotFound
    from kombu import Connection
    from kombu.exceptions import OperationalError

    depths = {}
    try:
        with Connection(_setting("ECO2_AMQP_URL"), connect_timeout=5) as connection:
            for queue in queues:
                try:
                    with connection.channel() as channel:
                        depths[queue] = channel.queue_declare(queue, passive=True).message_count
                except NotFound:
                    continue
    except (OperationalError, OSError) as error:
        raise Trouble(f"RabbitMQ (ECO2_AMQP_URL) cannot be reached: {error}", EXIT_AWAY) from None
    return depths


def _readable(value: Any) -> Any:
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if isinstance(value, dict):
        return {key: _moment(one) if key in TIMES else _readable(one) for key, one in value.items()}
    return value


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(" ", "milliseconds")


def _print(answer: Any, columns: tuple[str, ...]) -> None:
    console = Console()
    if isinstance(answer, dict) and "findings" in answer:
        _print_report(console, answer)
    elif isinstance(answer, dict):
        for key, value in answer.items():
            console.print(f"[bold]{key:16}[/] {value}", highlight=False, soft_wrap=True)
    elif not answer:
        console.print("none")
    else:
        console.print(_table([{name: row[name] for name in columns or row} for row in answer]))


def _print_report(console: Console, report: dict[str, Any]) -> None:
    console.print("[green]all agree[/]" if report["healthy"] else "[red]not all agree[/]")
    if report["findings"]:
        console.print(_table(report["findings"]))
    for note in report["notes"]:
        console.print(f"  {note}", highlight=False, soft_wrap=True)


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in rows[0]:
        numeric = isinstance(rows[0][name], int)
        table.add_column(
            name.removesuffix("_bytes").removesuffix("_at").replace("_", " "),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=name in ("task_id", "state", *TIMES),
        )
    for row in rows:
        table.add_row(*(_cell(name, value) for name, value in row.items()))
    return table


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name.endswith("_bytes"):
        return f"{value / 1e6:.1f} MB"
    return str(value)[5:19] if name in TIMES else str(value)


if __name__ == "__main__":
    sys.exit(main())
