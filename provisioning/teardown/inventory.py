"""The first phase and the last: writing down what there is, and saying what of it is gone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisioning.run import Action, NotYet, Phase, Step
from provisioning.site import OutputsUnreadable, Site
from provisioning.teardown.errors import Leftovers, OtherAccount
from provisioning.teardown.ledger import Ledger, written
from provisioning.teardown.things import Cloud, Kind, Thing


def scan(cloud: Cloud, kinds: Sequence[Kind], step: Step) -> list[Thing]:
    """All things of these kinds."""
    found: dict[str, Thing] = {}
    for kind in kinds:
        step.safe_point()
        found |= {thing.key: thing for thing in kind.find(cloud)}
    return list(found.values())


@dataclass(frozen=True, kw_only=True)
class WriteDown(Action):
    things: tuple[Thing, ...]


class Inventory(Phase[list[Thing], WriteDown]):
    """Before anything is removed, what there is stands on disk: the receipt needs it, also after a kill."""

    name = "inventory"
    title = "What the cluster has in AWS"
    verify = False

    def __init__(self, site: Site, cloud: Cloud, ledger: Ledger, kinds: Sequence[Kind]) -> None:
        super().__init__()
        self._site, self._cloud, self._ledger, self._kinds = site, cloud, ledger, kinds

    def inputs(self, node: str | None) -> Any:
        return {"look": self._ledger.look}

    def facts(self, step: Step) -> list[Thing]:
        """Raises `OtherAccount` before anything of another account is looked at."""
        with contextlib.suppress(NotYet, OutputsUnreadable):
            made_in = self._site.outputs().cluster.account
            if made_in != self._cloud.number:
                raise OtherAccount(f"the cluster is in account {made_in}, the credentials are of {self._cloud.number}")
        known = self._ledger.found()
        return [thing for thing in scan(self._cloud, self._kinds, step) if thing.key not in known]

    def plan(self, facts: list[Thing]) -> Sequence[WriteDown]:
        if not facts:
            return []
        title = f"write down the {len(facts)} things found in account {self._cloud.number}"
        return [WriteDown(id="write-down", title=title, things=tuple(facts))]

    def act(self, step: Step, actions: Sequence[WriteDown]) -> None:
        self._ledger.write_down(thing for action in actions for thing in action.things)


@dataclass(frozen=True)
class Remainder:
    """What still stands; ``kept`` is there because it was asked for."""

    left: tuple[Thing, ...]
    kept: tuple[Thing, ...]
    is_open: bool


@dataclass(frozen=True, kw_only=True)
class Tell(Action):
    remainder: Remainder


class Receipt(Phase[Remainder, Tell]):
    """Looks once more at everything, writes the receipt, and fails where something is left."""

    name = "receipt"
    title = "What is left, and the receipt"
    verify = False

    def __init__(
        self, site: Site, cloud: Cloud, ledger: Ledger, kinds: Sequence[Kind], kept: Sequence[Kind] = ()
    ) -> None:
        super().__init__()
        self._site, self._cloud, self._ledger, self._kinds, self._kept = site, cloud, ledger, kinds, kept

    def inputs(self, node: str | None) -> Any:
        return {"look": self._ledger.look}

    def facts(self, step: Step) -> Remainder:
        left = tuple(scan(self._cloud, self._kinds, step))
        return Remainder(left, tuple(scan(self._cloud, self._kept, step)), self._ledger.is_open)

    def plan(self, facts: Remainder) -> Sequence[Tell]:
        if not facts.left and not facts.is_open:
            return []
        return [Tell(id="receipt", title="look for what is left, and write the receipt", remainder=facts)]

    def act(self, step: Step, actions: Sequence[Tell]) -> None:
        remainder = actions[0].remainder
        path = self._write(remainder)
        step.say(f"the receipt: {path}")
        if remainder.left:
            for thing in remainder.left:
                step.say(f"LEFT: {thing.label}: {self._reason(thing)}")
            first = remainder.left[0]
            raise Leftovers(
                f"{len(remainder.left)} of the cluster's things still stand, such as {first.label}: "
                f"{self._reason(first)}; all are in {path}"
            )
        # What these tell of is gone. The host keys serve the next rebuild, the journals are history.
        for gone in (self._site.kubeconfig, self._site.outputs_file):
            gone.unlink(missing_ok=True)
        self._ledger.close()

    def _reason(self, thing: Thing) -> str:
        because = {kind.name: kind.left_because for kind in self._kinds}
        return self._ledger.reason(thing) or because[thing.kind]

    def _write(self, remainder: Remainder) -> Path:
        standing = {thing.key for thing in (*remainder.left, *remainder.kept)}
        now = datetime.now(UTC)
        told = {
            "cluster": self._cloud.cluster.name,
            "account": self._cloud.number,
            "region": self._cloud.cluster.region,
            "at": now.isoformat(timespec="seconds"),
            "removed": [each.as_dict() for each in self._ledger.found().values() if each.key not in standing],
            "kept": [each.as_dict() for each in remainder.kept],
            "left": [each.as_dict() | {"reason": self._reason(each)} for each in remainder.left],
            "notes": list(self._ledger.notes),
        }
        path = self._ledger.folder / f"{now:%Y%m%dT%H%M%S.%fZ}.json"
        written(path, json.dumps(told, indent=2, ensure_ascii=False))
        return path


def newest_receipt(folder: Path) -> dict[str, Any] | None:
    """The last one, as it was written."""
    paths = sorted(path for path in folder.glob("*Z.json"))
    return json.loads(paths[-1].read_text()) if paths else None


def lines(receipt: dict[str, Any]) -> list[str]:
    """The receipt for people: how many of each kind, and by name what stands."""
    counts: dict[str, int] = {}
    for each in receipt["removed"]:
        counts[each["kind"]] = counts.get(each["kind"], 0) + 1
    told = [f"Receipt of {receipt['cluster']} in account {receipt['account']}, {receipt['region']}, {receipt['at']}"]
    told += [f"  removed  {number:>4} × {kind}" for kind, number in sorted(counts.items())]
    told += [f"  kept     {each['kind']} {each['id']} ({each['name']})" for each in receipt["kept"]]
    told += [f"  LEFT     {each['kind']} {each['id']}: {each['reason']}" for each in receipt["left"]]
    told += [f"  note     {note}" for note in receipt["notes"]]
    return [*told, f"  {len(receipt['left'])} left"]
