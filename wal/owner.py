"""Who changes a journal: the worker that owns it, asked over RPC; the operator's own process where none runs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from wal.errors import JournalLocked
from wal.journal import WALManager

EXIT_GRAVE, EXIT_USAGE, EXIT_AWAY = 1, 2, 4

ANSWER_S = 10.0

T = TypeVar("T")


class Trouble(Exception):
    """What keeps a command from answering, in words; `code` is the exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def by_owner(
    path: Path, alone: Callable[[WALManager], T], method: str, argument: Any, within_s: float = ANSWER_S
) -> Any | T:
    """What the worker that owns the journal answers to `method`, or `alone` where none does."""
    try:
        journal = WALManager(path, worker=path.stem)
    except JournalLocked:
        return ask_worker(path.stem, method, argument, within_s)
    try:
        return alone(journal)
    finally:
        journal.close()


def ask_worker(worker: str, method: str, argument: Any, within_s: float) -> Any:
    from kombu.exceptions import OperationalError
    from nameko.exceptions import MethodNotFound, RemoteError, RpcTimeout, UnknownService
    from nameko.standalone.rpc import ClusterRpcProxy

    try:
        with ClusterRpcProxy({"AMQP_URI": setting("ECO2_AMQP_URL")}, timeout=within_s) as cluster:
            return getattr(cluster[worker], method)(argument)
    except RemoteError as refused:
        raise Trouble(str(refused.value), EXIT_GRAVE) from None
    except (RpcTimeout, UnknownService, MethodNotFound, OperationalError, OSError) as away:
        text = str(away) or type(away).__name__
        raise Trouble(f"the worker {worker} holds its journal but does not answer: {text}", EXIT_AWAY) from None


def setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Trouble(f"{name} is not set; ./inv sets it for a stack of ./inv up", EXIT_USAGE)
    return value
