"""The state file of the double: Terraform's format 4, its lock, and nothing lost between two resources."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ADDRESS = re.compile(r'(?:(module\.\w+\["[^"]+"\])\.)?(\w+)\.(\w+)(?:\[("[^"]*"|\d+)\])?')


class Locked(Exception):
    """Somebody else holds the lock; the text is the lock's info."""


class State:
    """Address -> attributes, and whether the resource is tainted. Kept in the file that ``init`` was told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.serial, self.lineage = 0, ""
        self.attributes: dict[str, dict[str, Any]] = {}
        self.tainted: set[str] = set()
        self.outputs: dict[str, Any] = {}

    def read(self) -> State:
        self.attributes, self.tainted, self.outputs = {}, set(), {}
        if not self.path.exists() or not (text := self.path.read_text()):
            return self
        said = json.loads(text)
        self.serial, self.lineage = said["serial"], said["lineage"]
        self.outputs = {name: each["value"] for name, each in said["outputs"].items()}
        for resource in said["resources"]:
            for instance in resource["instances"]:
                key = instance.get("index_key")
                suffix = "" if key is None else f"[{json.dumps(key)}]"
                parts = (resource.get("module"), resource["type"], resource["name"] + suffix)
                address = ".".join(part for part in parts if part)
                self.attributes[address] = instance["attributes"]
                if instance.get("status") == "tainted":
                    self.tainted.add(address)
        return self

    def write(self) -> None:
        self.serial += 1
        self.lineage = self.lineage or str(uuid.uuid4())
        resources = []
        for address, attributes in sorted(self.attributes.items()):
            found = _ADDRESS.fullmatch(address)
            assert found is not None, address
            module, kind, name, key = found.groups()
            instance: dict[str, Any] = {"schema_version": 1, "attributes": attributes}
            instance |= {"index_key": json.loads(key)} if key else {}
            instance |= {"status": "tainted"} if address in self.tainted else {}
            provider = 'provider["registry.terraform.io/hashicorp/aws"]'
            resource = {"mode": "managed", "type": kind, "name": name, "provider": provider, "instances": [instance]}
            resources.append(({"module": module} if module else {}) | resource)
        text = {
            "version": 4,
            "terraform_version": "1.11.4",
            "serial": self.serial,
            "lineage": self.lineage,
            "outputs": {name: {"value": value, "type": "dynamic"} for name, value in self.outputs.items()},
            "resources": resources,
        }
        # In place, as Terraform does: the lock is on this very file.
        with open(self.path, "r+" if self.path.exists() else "w") as file:
            file.write(json.dumps(text, indent=2))
            file.truncate()
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def locked(self, operation: str, wait_s: float) -> Iterator[None]:
        """Holds the state's lock, beside a file that says who. A flock, which survives that the file is read."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        info = self.path.with_name(f".{self.path.name}.lock.info")
        until = time.monotonic() + wait_s
        with open(self.path, "a+") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() >= until:
                        raise Locked(info.read_text() if info.exists() else "") from None
                    time.sleep(0.05)
            said = {"ID": str(uuid.uuid4()), "Operation": operation, "Who": f"double@{os.getpid()}"}
            info.write_text(json.dumps(said))
            empty = not file.seek(0, os.SEEK_END)
            try:
                yield
            finally:
                info.unlink(missing_ok=True)
                if empty and not self.path.stat().st_size:
                    self.path.unlink()
