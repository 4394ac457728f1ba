"""What a teardown has found and what it could not do: on disk as far as the receipt needs it after a kill."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path

from provisioning import private_file
from provisioning.teardown.errors import ReceiptUnwritable
from provisioning.teardown.things import Thing


class Ledger:
    """``found.json`` in the folder of receipts: everything found before it was removed, over all attempts, until a
    receipt says that nothing is left. Reasons and notes are of this process. Methods may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "found.json"
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}
        self._notes: list[str] = []
        # A resumed teardown believes what the account says, not what an earlier run has done: see `Phase.inputs`.
        self.look = secrets.token_hex(8)

    @property
    def is_open(self) -> bool:
        """Whether a teardown has begun whose receipt does not say yet that nothing is left."""
        return self._file.exists()

    def found(self) -> dict[str, Thing]:
        try:
            stored = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        things = [Thing(**each) for each in stored]
        return {each.key: each for each in things}

    def write_down(self, things: Iterable[Thing]) -> None:
        """Adds these, durably."""
        with self._lock:
            known = self.found() | {each.key: each for each in things}
            written(self._file, json.dumps([each.as_dict() for each in known.values()], indent=1))

    def close(self) -> None:
        self._file.unlink(missing_ok=True)

    def stays(self, thing: Thing, reason: str) -> None:
        """Why this thing could not be removed."""
        with self._lock:
            self._reasons[thing.key] = reason

    def reason(self, thing: Thing) -> str | None:
        """None where no phase has said one: an earlier run did, or none tried."""
        return self._reasons.get(thing.key)

    def note(self, text: str) -> None:
        """What a reader of the receipt should know."""
        with self._lock:
            if text not in self._notes:
                self._notes.append(text)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)


def written(path: Path, text: str) -> None:
    """All of it or nothing, for its owner's eyes alone. Raises `ReceiptUnwritable`."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        private_file.write(path, text + "\n")
    except OSError as error:
        raise ReceiptUnwritable(f"{path}: {error.strerror}") from error
