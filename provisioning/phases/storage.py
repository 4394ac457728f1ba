"""The phase ``storage``: a claim gets a volume. The EBS driver, and the class that claims get by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.kubernetes.components import STORAGE, storage_class
from provisioning.kubernetes.errors import NotFound
from provisioning.kubernetes.release_plan import ReleaseFacts, ensured, release_actions
from provisioning.phases.component import ComponentPhase
from provisioning.run import Action, Step

_DEFAULT = "storageclass.kubernetes.io/is-default-class"
# What the API server fills in where nothing is given, and what may not be changed on a class that exists.
_FIXED = ("provisioner", "parameters", "volumeBindingMode", "reclaimPolicy")


@dataclass(frozen=True)
class Facts:
    """The release; the class of our name as it is; others that are the default too."""

    release: ReleaseFacts
    found: dict[str, Any] | None
    other_defaults: tuple[str, ...]


class Storage(ComponentPhase[Facts, Action]):
    """Installs the EBS driver, and makes gp3 the only default class."""

    name = "storage"
    title = "Volumes"
    release = STORAGE
    timeout_s = 900.0

    def inputs(self, node: str | None) -> Any:
        return {"driver": super().inputs(node), "class": storage_class()}

    def facts(self, step: Step) -> Facts:
        try:
            found = self._kubectl.get(step, "storageclass", _name())
        except NotFound:
            found = None
        others = tuple(
            each["metadata"]["name"]
            for each in self._kubectl.items(step, "storageclasses")
            if each["metadata"]["name"] != _name() and each["metadata"].get("annotations", {}).get(_DEFAULT) == "true"
        )
        return Facts(self.release_facts(step), found, others)

    def plan(self, facts: Facts) -> Sequence[Action]:
        actions: list[Action] = list(release_actions([facts.release]))
        if facts.found is None:
            actions.append(Action(id="class", title=f"make the StorageClass {_name()}, the default"))
        elif any(facts.found.get(key) != storage_class()[key] for key in _FIXED):
            title = f"delete the StorageClass {_name()} and make it anew (volumes that exist stay as they are)"
            actions.append(Action(id="class:anew", title=title))
        elif not _is_ours(facts.found):
            actions.append(Action(id="class", title=f"make the StorageClass {_name()} the default again"))
        actions += [
            Action(id=f"default:{name}", title=f"the StorageClass {name} is no longer a default")
            for name in facts.other_defaults
        ]
        return actions

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        ensured(self._helm, step, actions)
        for action in actions:
            kind, _, name = action.id.partition(":")
            if action.id == "class:anew":
                self._kubectl.repeated(step, "delete", "storageclass", _name(), "--ignore-not-found")
            if kind == "class":
                self._kubectl.apply(step, [storage_class()], force=True)
            elif kind == "default":
                self._kubectl.repeated(step, "annotate", "--overwrite", "storageclass", name, f"{_DEFAULT}=false")


def _name() -> str:
    return str(storage_class()["metadata"]["name"])


def _is_ours(found: dict[str, Any]) -> bool:
    annotations = found["metadata"].get("annotations", {})
    return annotations.get(_DEFAULT) == "true" and found.get("allowVolumeExpansion") is True
