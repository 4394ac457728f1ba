"""What a plan of Terraform would do: its changes one by one, and which of them lose something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

# What holds somebody's data, or runs.
KEPT = frozenset({"aws_instance", "aws_s3_bucket", "aws_ebs_volume", "aws_db_instance"})
_VERBS = {
    ("create",): "create",
    ("update",): "change",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
    ("no-op",): "adopt",
    ("read",): "read",
}
# Between the attempt that failed and this one nobody used it.
_NEVER_WORKED = "replace_because_tainted"


@dataclass(frozen=True)
class Change:
    """One resource and what happens to it. ``why`` says what makes a replacement necessary."""

    address: str
    type: str
    verb: str
    label: str
    why: str = ""
    tainted: bool = False
    # AWS changes an instance's type only while it does not run.
    stops: bool = False

    @property
    def deletes(self) -> bool:
        return self.verb in ("delete", "replace")

    @property
    def destroys(self) -> bool:
        """Whether something that worked is lost, or stopped."""
        return self.stops or (self.deletes and not self.tainted)

    @property
    def id(self) -> str:
        """Stable from one plan to the next."""
        return f"{self.verb}:{self.address}"

    @property
    def title(self) -> str:
        named = self.label if self.label == self.address else f"{self.type} {self.label}"
        return f"{self.verb} {named}{f' ({self.why})' if self.why else ''}"


@dataclass(frozen=True)
class Planned:
    """A plan that lies in a file, to be applied as it is, with the variables that it was made with.

    ``outputs`` are None where they are known only afterwards.
    """

    file: Path
    changes: tuple[Change, ...]
    has_changes: bool
    outputs: dict[str, Any] | None
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kept(self) -> tuple[Change, ...]:
        """The changes that would lose a machine, a bucket or a disk, or stop a machine."""
        return tuple(each for each in self.changes if each.destroys and each.type in KEPT)


def read_plan(shown: Mapping[str, Any], file: Path, variables: Mapping[str, Any]) -> Planned:
    """From what ``terraform show -json PLAN`` says."""
    changes = tuple(change for each in shown.get("resource_changes", ()) if (change := _change(each)) is not None)
    told = shown.get("output_changes", {})
    is_known = not changes and all(each["actions"] == ["no-op"] for each in told.values())
    return Planned(file, _unique(changes), bool(shown["applyable"]), _outputs(shown) if is_known else None, variables)


def _outputs(shown: Mapping[str, Any]) -> dict[str, Any]:
    outputs = shown.get("planned_values", {}).get("outputs", {})
    return {name: each.get("value") for name, each in outputs.items()}


def _change(said: Mapping[str, Any]) -> Change | None:
    change = said["change"]
    actions = tuple(change["actions"])
    adopted = "importing" in change
    if said.get("mode") != "managed" or (actions == ("no-op",) and not adopted):
        return None
    reason = str(said.get("action_reason", ""))
    tainted = reason == _NEVER_WORKED
    verb = "adopt" if adopted else _VERBS.get(actions, "+".join(actions))
    stops = actions == ("update",) and _stops(said["type"], change)
    why = "it is stopped for that, and started again" if stops else _why(change, tainted)
    return Change(said["address"], said["type"], verb, _label(said), why, tainted, stops)


def _stops(kind: str, change: Mapping[str, Any]) -> bool:
    before, after = change.get("before") or {}, change.get("after") or {}
    return kind == "aws_instance" and before.get("instance_type") != after.get("instance_type")


def _why(change: Mapping[str, Any], tainted: bool) -> str:
    if tainted:
        return "it was never finished"
    paths = ["".join(_step(part) for part in path).lstrip(".") for path in change.get("replace_paths", ())]
    return f"another {', '.join(paths)}" if paths else ""


def _step(part: str | int) -> str:
    return f"[{part}]" if isinstance(part, int) else f".{part}"


def _label(said: Mapping[str, Any]) -> str:
    """The name that people know a resource by, else its address."""
    values: Mapping[str, Any] = said["change"].get("after") or said["change"].get("before") or {}
    tags = values.get("tags") or {}
    for name in (tags.get("Name"), values.get("bucket"), values.get("name")):
        if isinstance(name, str) and name:
            return name
    return str(said["address"])


def _unique(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The same changes, those whose titles would be alike named by their addresses."""
    titles = [each.title for each in changes]
    return tuple(replace(each, label=each.address) if titles.count(each.title) > 1 else each for each in changes)
