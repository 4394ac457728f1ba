"""What a run tells while it goes: each record and each line of output, to every sink, one at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from provisioning.run.records import Record


class Sink(Protocol):
    """Hears a run. What it is given holds no secrets. It is called by one thread at a time."""

    def record(self, record: Record) -> None: ...

    def output(self, phase: str, node: str | None, line: str) -> None: ...


class Events:
    """Passes everything on to the sinks. A sink that cannot write any more (a full disk, a closed pipe) is left out
    from then on: the run does not depend on being watched. ``lost`` names what they said."""

    def __init__(self, sinks: Sequence[Sink] = ()) -> None:
        self._lock = threading.RLock()
        self._sinks = list(sinks)
        self.lost: list[str] = []

    def record(self, record: Record) -> None:
        self._tell(lambda sink: sink.record(record))

    def output(self, phase: str, node: str | None, line: str) -> None:
        self._tell(lambda sink: sink.output(phase, node, line))

    def _tell(self, call: Any) -> None:
        with self._lock:
            for sink in tuple(self._sinks):
                try:
                    call(sink)
                except OSError as error:
                    self._sinks.remove(sink)
                    self.lost.append(f"{type(sink).__name__}: {error.strerror or error}")


class JsonLines:
    """Records and output as JSON lines: the event log, and ``--json`` on standard output.

    Output is ``{"kind": "output", "at", "phase", "node", "line"}``; all else is a record of the journal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def record(self, record: Record) -> None:
        self._write(record.as_dict())

    def output(self, phase: str, node: str | None, line: str) -> None:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self._write({"kind": "output", "at": at, "phase": phase, "node": node, "line": line})

    def _write(self, event: dict[str, Any]) -> None:
        self._stream.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._stream.flush()
