"""Terraform's state as a file: kept from being lost, and asked what it holds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

_KEPT_BACKUPS = 20


def keep_backup(state: Path) -> None:
    """Puts a copy of the state into ``backups`` beside it, named by its serial; the oldest beyond twenty go."""
    try:
        serial = int(_read(state)["serial"])
    except (FileNotFoundError, ValueError, KeyError):
        return
    folder = state.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    copy = folder / f"{serial:08d}.tfstate"
    shutil.copyfile(state, copy)
    copy.chmod(0o600)
    for old in sorted(folder.glob("*.tfstate"))[:-_KEPT_BACKUPS]:
        old.unlink()


def stands_in(state: Path, address: str) -> bool:
    """Whether the state holds the resource ``[module.NAME["KEY"].]TYPE.NAME``."""
    try:
        resources = _read(state)["resources"]
    except (FileNotFoundError, ValueError, KeyError):
        return False
    return any(
        ".".join(part for part in (each.get("module"), each["type"], each["name"]) if part) == address
        for each in resources
        if each.get("mode") == "managed" and each.get("instances")
    )


def attributes(state: Path, kind: str, attribute: str) -> set[str]:
    """This attribute of every resource of this kind; empty where there is no state."""
    try:
        resources = _read(state)["resources"]
    except (FileNotFoundError, ValueError, KeyError):
        return set()
    found = (each["attributes"].get(attribute) for one in resources if one["type"] == kind for each in one["instances"])
    return {value for value in found if isinstance(value, str)}


def _read(state: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(state.read_text())
    return read
