"""What a command was asked to do, kept beside its journal, so that ``--resume`` means the very same.

An imperative command (replace this machine, restore that backup) cannot be read off the machines alone: whether a
machine has been replaced shows only against the one that stood there when the command was given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from provisioning import private_file
from provisioning.operations.errors import NothingKept
from provisioning.site import Site

Wanted = dict[str, Any]


def kept(site: Site, command: str) -> Wanted:
    """What the newest run of this command was asked. Raises `NothingKept`."""
    path = _path(site, command)
    try:
        wanted: Wanted = json.loads(path.read_text())
    except FileNotFoundError:
        raise NothingKept(f"no {command} was begun") from None
    except ValueError as error:
        raise NothingKept(f"{path}: {error}") from error
    return wanted


def keep(site: Site, command: str, wanted: Wanted) -> None:
    """Makes it durable; it holds no secret."""
    path = _path(site, command)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    private_file.write(path, json.dumps(wanted, indent=2, sort_keys=True))


def _path(site: Site, command: str) -> Path:
    return site.folder / "asked" / f"{command}.json"
