"""Rendered manifests as what the checks look at: the pods that they make, what these want, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from provisioning.cluster import Node
from provisioning.cluster.quantities import Resources
from provisioning.cluster.registration import role_label

Object = dict[str, Any]

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000**power) for power, unit in enumerate("kMGT", 1)},
    **{f"{unit}i": Decimal(1024**power) for power, unit in enumerate("KMGT", 1)},
}
_TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")


@dataclass(frozen=True)
class Workload:
    """A workload and the pod that it makes. ``replicas`` is None for one on each node."""

    release: str
    namespace: str
    kind: str
    name: str
    replicas: int | None
    pod: Mapping[str, Any]

    @property
    def text(self) -> str:
        return f"{self.release}: {self.kind} {self.namespace}/{self.name}"

    @property
    def node_selector(self) -> dict[str, str]:
        return dict(self.pod.get("nodeSelector") or {})

    @property
    def tolerations(self) -> list[Mapping[str, str]]:
        return list(self.pod.get("tolerations") or [])

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        return list(self.pod.get("containers") or [])

    @property
    def requests(self) -> Resources:
        """Of one pod: its containers together, or the largest of those that run before, where that is more."""
        together = Resources.total([_requests(container) for container in self.containers])
        first = [_requests(container) for container in self.pod.get("initContainers") or []]
        cpu = max([together.cpu, *(each.cpu for each in first)])
        return Resources(cpu, max([together.memory, *(each.memory for each in first)]), 1)


def workloads(release: str, namespace: str, objects: Sequence[Object]) -> Iterator[Workload]:
    """Those among a release's objects; ``namespace`` is theirs where they name none."""
    for each in objects:
        kind, spec = each["kind"], each.get("spec") or {}
        where, name = each["metadata"].get("namespace", namespace), each["metadata"]["name"]
        if kind in _TEMPLATED:
            replicas = None if kind == "DaemonSet" else int(spec.get("replicas", spec.get("parallelism", 1)))
            yield Workload(release, where, kind, name, replicas, spec["template"]["spec"])
        elif kind == "CronJob":
            template = spec["jobTemplate"]["spec"]["template"]["spec"]
            yield Workload(release, where, kind, name, 1, template)
        elif kind == "Pod":
            yield Workload(release, where, kind, name, 1, spec)


def references(workload: Workload) -> Iterator[tuple[str, str]]:
    """(``Secret`` or ``ConfigMap``, name) of all that the pod cannot start without."""
    for puller in workload.pod.get("imagePullSecrets") or []:
        yield "Secret", puller["name"]
    for container in [*workload.containers, *(workload.pod.get("initContainers") or [])]:
        for source in container.get("envFrom") or []:
            yield from _named(source.get("secretRef"), "Secret")
            yield from _named(source.get("configMapRef"), "ConfigMap")
        for variable in container.get("env") or []:
            origin = variable.get("valueFrom") or {}
            yield from _named(origin.get("secretKeyRef"), "Secret")
            yield from _named(origin.get("configMapKeyRef"), "ConfigMap")
    for volume in workload.pod.get("volumes") or []:
        for part in [volume, *((volume.get("projected") or {}).get("sources") or [])]:
            yield from _named(part.get("secret"), "Secret")
            yield from _named(part.get("configMap"), "ConfigMap")


def mounted(item: Object) -> Iterator[str]:
    """The Secrets that pods cannot start without which the Prometheus operator makes of this object."""
    if item["kind"] in ("Alertmanager", "Prometheus"):
        yield from item["spec"].get("secrets") or []
        bucket = (item["spec"].get("thanos") or {}).get("objectStorageConfig")
        if bucket:
            yield bucket["name"]


def selects(selector: Mapping[str, str], node: Node) -> bool:
    """Whether a node of the cluster file will have these labels; those that every node of ours has count as had."""
    has = {**node.labels, role_label(node): "", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    has |= {"kubernetes.io/hostname": node.name, "topology.kubernetes.io/zone": node.zone}
    return all(has.get(key) == value for key, value in selector.items())


def untolerated(workload: Workload, node: Node) -> list[str]:
    """The node's taints that keep this workload's pods away from it."""
    return [
        str(taint)
        for taint in node.taints
        if taint.effect != "PreferNoSchedule"
        and not any(_tolerates(each, taint.key, taint.value, taint.effect) for each in workload.tolerations)
    ]


def amount(text: object) -> Decimal:
    """``250m``, ``1.5`` or ``512Mi`` as a number. Raises ValueError."""
    word = str(text)
    digits = word.rstrip("".join(set("".join(_UNITS))))
    try:
        return Decimal(digits) * _UNITS[word[len(digits) :]]
    except (InvalidOperation, KeyError):
        raise ValueError(f"{word!r} is no quantity") from None


def _requests(container: Mapping[str, Any]) -> Resources:
    wanted = (container.get("resources") or {}).get("requests") or {}
    return Resources(int(amount(wanted.get("cpu", 0)) * 1000), int(amount(wanted.get("memory", 0))), 0)


def _named(reference: Mapping[str, Any] | None, kind: str) -> Iterator[tuple[str, str]]:
    """A volume calls a Secret's name secretName; what is optional may be missing."""
    if reference and not reference.get("optional"):
        yield kind, str(reference.get("name") or reference.get("secretName"))


def _tolerates(toleration: Mapping[str, str], key: str, value: str, effect: str) -> bool:
    """https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/"""
    if toleration.get("effect") not in (None, "", effect):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", key)
    return toleration.get("key") == key and toleration.get("value", "") == value
