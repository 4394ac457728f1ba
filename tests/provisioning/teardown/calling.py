"""What the tests of the teardown share: the small cluster's file, and how a teardown ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioning.run import ExitCode

SMALL = Path(__file__).parents[1] / "cluster" / "small.yaml"
# For tests of what does not go: so long each kind is waited for.
BRIEFLY_S = 0.1
# A machine with two busy cores needs some 60 s for the longest test.
LONGEST_S = 600


@dataclass(frozen=True)
class Ended:
    """How a teardown ended: its exit code, what it said, and its receipt where it wrote one."""

    code: ExitCode
    out: str
    err: str
    receipt: dict[str, Any] | None

    @property
    def left(self) -> dict[str, str]:
        """What is left: kind -> why."""
        assert self.receipt is not None
        return {each["kind"]: each["reason"] for each in self.receipt["left"]}

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Teardown = Callable[..., Ended]
