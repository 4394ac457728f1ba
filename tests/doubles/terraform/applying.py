"""Making, changing and deleting resources one by one, with delays and faults as a test told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles.terraform import messages
from tests.doubles.terraform.resources import Resource, made
from tests.doubles.terraform.state import State


@dataclass
class Applying:
    """One apply. ``told`` is read anew for each resource; ``stopped`` says whether SIGINT has come."""

    folder: Path
    state: State
    resources: Mapping[str, Resource]
    cluster: Mapping[str, Any]
    told: Callable[[], dict[str, Any]]
    stopped: Callable[[], bool]

    def all(self, found: list[dict[str, Any]]) -> tuple[set[str], list[str]]:
        """Returns the addresses of what failed, and of what was done."""
        failed: set[str] = set()
        done: list[str] = []
        for each in found:
            address, actions = each["address"], each["change"]["actions"]
            resource = self.resources.get(address)
            if resource is not None and set(resource.needs) & failed:
                continue
            if self.stopped():
                messages.complained("execution halted")
                return failed | {"interrupted"}, done
            if self._one(address, actions, resource, "importing" in each["change"]):
                done.append(address)
            else:
                failed.add(address)
        return failed, done

    def _one(self, address: str, actions: list[str], resource: Resource | None, adopted: bool) -> bool:
        for action in actions:
            began = time.monotonic()
            messages.started(address, action)
            self._take_time(address, action, address.split(".")[-2])
            if action == "delete":
                append(self.folder / "deleted.jsonl", address=address)
                self.state.attributes.pop(address)
                self.state.tainted.discard(address)
                self.state.write()
                messages.completed(address, action, "", int(time.monotonic() - began))
                continue
            assert resource is not None
            fault = self._fault(resource) if action == "create" else None
            if fault is None or fault["taint"]:
                if action == "create":
                    append(self.folder / "made.jsonl", address=address)
                    self.state.attributes[address] = made(resource, self.cluster, self.told())
                else:
                    self.state.attributes[address] = {
                        **self.state.attributes.get(address, {"id": "adopted"} if adopted else {}),
                        **resource.attributes,
                    }
                self.state.tainted |= {address} if fault else set()
                self.state.write()
            if fault is not None:
                messages.errored(address, action)
                messages.refused_by_aws(resource.type, fault["error"], address)
                return False
            messages.completed(
                address, action, self.state.attributes[address].get("id", ""), int(time.monotonic() - began)
            )
        return True

    def _take_time(self, address: str, action: str, kind: str) -> None:
        told = self.told()
        left = float(told["delays_s"].get(kind, told["delay_s"]))
        passed = 0
        while left > 0:
            time.sleep(min(left, 1.0))
            left -= 1.0
            passed += 1
            if left > 0:
                messages.progressed(address, action, passed)

    def _fault(self, resource: Resource) -> dict[str, Any] | None:
        live = sum(address.split(".")[-2] == resource.type for address in self.state.attributes)
        for number, fault in enumerate(self.told()["faults"]):
            if fault["type"] != resource.type or (fault["max_live"] is not None and live < fault["max_live"]):
                continue
            mark = f"fault-{number}-{fault['type']}-{fault['error']}"
            if fault["times"] is not None and len(marked(self.folder / "faults.jsonl", mark)) >= fault["times"]:
                continue
            append(self.folder / "faults.jsonl", mark=mark)
            found: dict[str, Any] = fault
            return found
        return None


def append(path: Path, **entry: Any) -> None:
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def marked(path: Path, mark: str) -> list[str]:
    with suppress(FileNotFoundError):
        return [line for line in path.read_text().splitlines() if json.loads(line)["mark"] == mark]
    return []
