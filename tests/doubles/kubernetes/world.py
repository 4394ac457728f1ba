"""What the controllers see and may do, and what a test may set of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.hosts.cluster import Registration
from tests.doubles.kubernetes.certificates import Authority
from tests.doubles.kubernetes.objects import Objects
from tests.doubles.kubernetes.resources import Resources
from tests.doubles.kubernetes.store import Object, Store, now


@dataclass
class Kubelet:
    """One machine's kubelet, as it is outside of the API: whether it runs, and what it knows by itself."""

    registration: Registration
    runs: bool = True
    version: str = ""
    network: bool = False  # a CNI has written its configuration
    asked_for: tuple[str, ...] = ()  # the names in its last request for a serving certificate


def _no_hook(item: Object) -> None:
    pass


def _made_up_name(item: Object) -> str:
    metadata = item["metadata"]
    return f"k8s-{metadata['namespace']}-{metadata['name']}-1234567890.ap-northeast-2.elb.amazonaws.com"


@dataclass
class Settings:
    """What a test sets. Times are in seconds; an image is bad when one of these texts is in its name."""

    pod_ready_after_s: float = 0.0
    pod_gone_after_s: float = 0.0
    bad_images: set[str] = field(default_factory=set)  # ImagePullBackOff
    crashing_images: set[str] = field(default_factory=set)  # CrashLoopBackOff; a Job's pod fails
    never_ready: set[str] = field(default_factory=set)  # deployment/x: its pods run and are never ready
    reserved_cpu_m: int = 0  # what a node keeps from its pods
    reserved_memory: int = 0  # bytes
    public_ips: dict[str, str] = field(default_factory=dict)  # node -> its public address, which the cloud tells
    known_instances: set[str] | None = None  # the instance ids that the cloud knows; None: all
    on_ingress: Callable[[Object], str] = _made_up_name
    on_ingress_deleted: Callable[[Object], None] = _no_hook
    on_service: Callable[[Object], str] = _made_up_name
    on_service_deleted: Callable[[Object], None] = _no_hook
    on_volume_created: Callable[[Object], None] = _no_hook
    on_volume_deleted: Callable[[Object], None] = _no_hook


@dataclass
class World:
    """One for each time the API server runs. Controllers hold `Store.lock` while they act."""

    store: Store
    objects: Objects
    resources: Resources
    settings: Settings
    kubelets: dict[str, Kubelet]
    authority: Authority
    alarm: float | None = None
    # Since when a deployment's generation stands at so many ready pods.
    progress: dict[tuple[str, int, int], float] = field(default_factory=dict)
    # When a pod was seen to start or to end.
    since: dict[str, float] = field(default_factory=dict)

    def key(self, kind: str, group: str = "") -> str:
        return self.resources.of_kind(kind, group).key

    def wake_at(self, moment: float) -> None:
        """Runs the controllers again then (`time.monotonic`), if nothing wakes them before."""
        self.alarm = moment if self.alarm is None else min(self.alarm, moment)

    def status(self, resource: str, item: Object, **status: Any) -> Object:
        """Lays this over the object's status; None takes a field away."""
        laid = {**(item.get("status") or {}), **status}
        return self.store.put(
            resource, {**item, "status": {key: value for key, value in laid.items() if value is not None}}
        )

    def create(self, resource: str, item: Object) -> Object:
        """As a controller does, defaults filled in. What is there already stays."""
        metadata = item["metadata"]
        there = self.store.get(resource, metadata.get("namespace", ""), metadata["name"])
        if there is not None:
            return there
        found = self.resources.of_key(resource)
        head = {"apiVersion": found.group_version, "kind": found.kind}
        metadata = {"generation": 1, **metadata} if "spec" in item else metadata
        return self.store.put(
            resource, self.objects.defaults.filled({**head, **item, "metadata": metadata}, found, None)
        )

    def delete(self, resource: str, item: Object, **options: Any) -> None:
        metadata = item["metadata"]
        if self.store.get(resource, metadata.get("namespace", ""), metadata["name"]) is not None:
            self.objects.delete(
                self.resources.of_key(resource), metadata.get("namespace", ""), metadata["name"], options
            )

    def without_finalizer(self, resource: str, item: Object, finalizer: str) -> None:
        """What is being deleted goes when this was the last one."""
        left = [each for each in item["metadata"].get("finalizers") or () if each != finalizer]
        metadata = {**item["metadata"], "finalizers": left}
        if not left and metadata.get("deletionTimestamp"):
            self.store.remove(resource, item)
        else:
            self.store.put(resource, {**item, "metadata": metadata})

    def event(self, item: Object, reason: str, message: str, *, warning: bool = True) -> None:
        """Said once for each object and reason; a later message takes the place of the first."""
        metadata = item["metadata"]
        namespace = metadata.get("namespace") or "default"
        name = f"{metadata['name']}.{abs(hash((metadata['uid'], reason))) % 16**8:08x}"
        before = self.store.get("events", namespace, name)
        if before and before["message"] == message:
            return
        reference = {
            "kind": item.get("kind"), "apiVersion": item.get("apiVersion"), "name": metadata["name"],
            "uid": metadata["uid"], **({"namespace": namespace} if "namespace" in metadata else {}),
        }  # fmt: skip
        self.store.put(
            "events",
            {
                "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": namespace},
                "involvedObject": reference, "reason": reason, "message": message,
                "type": "Warning" if warning else "Normal", "source": {"component": "double"}, "count": 1,
                "firstTimestamp": now(), "lastTimestamp": now(),
            },
        )  # fmt: skip

    def is_never_ready(self, item: Object) -> bool:
        """Whether this object, or what it belongs to, is one of `Settings.never_ready`."""
        if f"{item.get('kind', '').lower()}/{item['metadata']['name']}" in self.settings.never_ready:
            return True
        for each in item["metadata"].get("ownerReferences") or ():
            try:
                group = each["apiVersion"].rpartition("/")[0]
                above = self.store.get(
                    self.key(each["kind"], group), item["metadata"].get("namespace", ""), each["name"]
                )
            except KeyError:
                continue
            if above is not None and self.is_never_ready(above):
                return True
        return False


def condition(type_: str, status: bool | str, reason: str, message: str = "", **more: Any) -> Object:
    said = status if isinstance(status, str) else "True" if status else "False"
    return {"type": type_, "status": said, "reason": reason, "message": message, "lastTransitionTime": now(), **more}


def with_conditions(status: Object | None, *conditions: Object) -> list[Object]:
    """The conditions of a status with these in place of those of their types; the time stays where nothing changed."""
    kept = {each["type"]: each for each in (status or {}).get("conditions") or ()}
    for each in conditions:
        before = kept.get(each["type"])
        if before and before["status"] == each["status"]:
            times = {key: before[key] for key in ("lastTransitionTime", "lastUpdateTime") if key in before}
            each = {**each, **times}
        kept[each["type"]] = each
    return list(kept.values())


def owner_reference(item: Object, **more: Any) -> Object:
    metadata = item["metadata"]
    return {
        "apiVersion": item["apiVersion"], "kind": item["kind"], "name": metadata["name"], "uid": metadata["uid"],
        "controller": True, "blockOwnerDeletion": True, **more,
    }  # fmt: skip


def template_hash(template: Object) -> str:
    """The same for the same template, in letters that names may have."""
    number = _stable(json.dumps(template, sort_keys=True))
    letters = "bcdfghjklmnpqrstvwxz2456789"
    return "".join(letters[number // len(letters) ** place % len(letters)] for place in range(9))


def _stable(text: str) -> int:
    number = 0xCBF29CE484222325
    for byte in text.encode():
        number = (number ^ byte) * 0x100000001B3 % 2**64
    return number


def monotonic() -> float:
    return time.monotonic()
