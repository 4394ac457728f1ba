"""Where the runs of a cluster are kept: one journal and one event log each, and the lock."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from provisioning.run.errors import NothingToResume
from provisioning.run.journal import read


class Runs:
    """A folder of runs. Names sort by the time of their beginning."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    def new(self) -> Path:
        """The journal of a run that begins now."""
        return self.home / "runs" / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}.jsonl"

    def newest(self, command: str) -> Path:
        """The journal of the last run that came so far as to say that it began; before that it did nothing.

        Raises `JournalCorrupt`, and `NothingToResume` when there is none or it was another command's: what that has
        changed since, no older journal knows.
        """
        for path in sorted((self.home / "runs").glob("*.jsonl"), reverse=True):
            records = read(path)[0]
            if not records:
                continue
            if records[0].command != command:
                raise NothingToResume(f"the last run was {records[0].command}, not {command}")
            return path
        raise NothingToResume(f"{self.home} holds no run")

    @staticmethod
    def event_log(journal: Path) -> Path:
        """Records and output of a run, for reading: it is not needed to resume."""
        return journal.with_suffix(".events.log")
