"""The double as a test sees it: a folder with the program, what it is to do, and what it was asked."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]
VARIABLE = "TERRAFORM_DOUBLE"


@dataclass(frozen=True)
class Fault:
    """Making a resource of ``type`` fails with AWS's ``error``.

    ``max_live``: only while so many of the type stand. ``times``: at most so often. ``taint``: it is made all the same.
    """

    type: str
    error: str
    max_live: int | None = None
    times: int | None = None
    taint: bool = False


class TerraformDouble:
    """A folder with ``bin/terraform``, told what to do by a file, so that processes in between need to know nothing.

    ``addresses`` is node -> public address; nodes that it leaves out get one of 127.77.77.0/24. Delays are in seconds:
    ``delay_s`` for each resource, ``delays_s`` by type. ``hosted_zone_id`` is
    that of the domain's zone, for tests that make one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        addresses: Mapping[str, str] | None = None,
        delay_s: float = 0.0,
        account: str = "123456789012",
        version: str = "1.11.4",
        hosted_zone_id: str = "Z0DOUBLE",
    ) -> None:
        self.folder = folder
        self._told: dict[str, Any] = {
            "addresses": dict(addresses or {}),
            "delay_s": delay_s,
            "delays_s": {},
            "account": account,
            "version": version,
            "hosted_zone_id": hosted_zone_id,
            "faults": [],
        }
        program = folder / "bin/terraform"
        program.parent.mkdir(parents=True, exist_ok=True)
        main = REPOSITORY / "tests/doubles/terraform/program.py"
        words = shlex.join([sys.executable, "-B", str(main)])
        program.write_text(f'#!/bin/sh\nexport {VARIABLE}={shlex.quote(str(folder))}\nexec {words} "$@"\n')
        program.chmod(0o755)
        self._tell()

    @property
    def path(self) -> str:
        """To be put before the PATH."""
        return str(self.folder / "bin")

    def set(
        self,
        *faults: Fault,
        delay_s: float | None = None,
        delays_s: Mapping[str, float] | None = None,
        hosted_zone_id: str | None = None,
    ) -> None:
        """From now on, for processes that run already too: these faults and no others; the rest where it is given."""
        self._told["faults"] = [asdict(fault) for fault in faults]
        if hosted_zone_id is not None:
            self._told["hosted_zone_id"] = hosted_zone_id
        if delay_s is not None:
            self._told["delay_s"] = delay_s
        if delays_s is not None:
            self._told["delays_s"] = dict(delays_s)
        self._tell()

    @property
    def calls(self) -> list[list[str]]:
        """The words of each command, without ``-chdir``, in the order in which they began."""
        return [entry["words"] for entry in self._log("calls.jsonl")]

    @property
    def violations(self) -> list[str]:
        """What no caller of Terraform may do; a test ends with none."""
        return [entry["violation"] for entry in self._log("violations.jsonl")]

    def count(self, command: str) -> int:
        return sum(words[0] == command for words in self.calls)

    def made(self) -> list[str]:
        """The addresses of all that was ever made, repetitions included, in order."""
        return [entry["address"] for entry in self._log("made.jsonl")]

    def deleted(self) -> list[str]:
        return [entry["address"] for entry in self._log("deleted.jsonl")]

    def _log(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _tell(self) -> None:
        fresh = self.folder / ".told.new"
        fresh.write_text(json.dumps(self._told))
        fresh.replace(self.folder / "told.json")
