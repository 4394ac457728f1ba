"""How a password's change is noted beside it: in the part's own Secret, so that any operator can go on with it.

A rotation begins with the new password under ``next-<key>`` and the annotation `ROTATING`; then the part itself is
told; then the new password takes the old one's place, and `ROTATED` says which rotation that was. `ROTATING` goes when
all that reads the password has started anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioning.cluster import Cluster
from provisioning.kubernetes.charts import ReleaseSpec
from provisioning.kubernetes.monitoring import MONITORING, PASSWORD_KEY
from provisioning.kubernetes.own_releases import POSTGRESQL, RABBITMQ, REDIS
from provisioning.kubernetes.secrets import Needed, Origin, credentials, releases_with_credentials, secrets_needed

Object = dict[str, Any]

ROTATING = "eco2/rotating"
ROTATED = "eco2/rotated"
NEXT = "next-"
# Release -> the keys of its Secret that are passwords.
PASSWORDS: Mapping[str, tuple[str, ...]] = {
    POSTGRESQL: ("password", "monitoring-password"),
    RABBITMQ: ("password",),
    REDIS: ("password",),
    MONITORING: (PASSWORD_KEY,),
}
_PODS_START_ANEW = "eco2/secrets"


def rotatable(cluster: Cluster) -> list[str]:
    """The releases whose passwords can be changed, in the order in which they are."""
    there = releases_with_credentials(cluster)
    return [name for name in PASSWORDS if name in there]


def needed_of(cluster: Cluster, release: str) -> Needed:
    """The release's own Secret."""
    wanted = (cluster.releases[release].namespace, credentials(release))
    [found] = [each for each in secrets_needed(cluster) if (each.namespace, each.name) == wanted]
    assert found.origin is Origin.RANDOM
    return found


def begun(secret: Object, needed: Needed, keys: tuple[str, ...], rotation: str) -> Object:
    """The Secret with a new password beside each old one. It keeps its resourceVersion, so that of two operators who
    begin at once only one can write it."""
    fresh = needed.content({})
    added = {f"{NEXT}{key}": fresh[key] for key in keys}
    return _with(secret, annotations={ROTATING: rotation}, string_data=added)


def promoted(secret: Object, keys: tuple[str, ...]) -> Object:
    """The Secret with the new passwords in the place of the old ones."""
    data = dict(secret["data"])
    for key in keys:
        if f"{NEXT}{key}" in data:
            data[key] = data.pop(f"{NEXT}{key}")
    rotation = annotations_of(secret).get(ROTATING) or secrets.token_hex(4)
    return _with({**secret, "data": data}, annotations={ROTATED: rotation})


def ended(secret: Object) -> Object:
    """The Secret without the sign that a rotation is under way."""
    kept = {name: value for name, value in annotations_of(secret).items() if name != ROTATING}
    return {**secret, "metadata": {**secret["metadata"], "annotations": kept}}


def annotations_of(secret: Object) -> dict[str, str]:
    return dict(secret["metadata"].get("annotations") or {})


def is_promoted(secret: Object) -> bool:
    """Whether no new password waits beside the old ones."""
    return not any(key.startswith(NEXT) for key in secret.get("data") or {})


def starting_anew(spec: ReleaseSpec, rotated: str) -> ReleaseSpec:
    """The release so that its pods start anew once after this rotation, where they read their password at the start
    and no other way is left: the exporters beside PostgreSQL and Redis, Grafana's sidecars. RabbitMQ reads its own
    once in its life, so its pod goes on."""
    annotations = {_PODS_START_ANEW: rotated}
    if spec.name in (POSTGRESQL, REDIS):
        return replace(spec, values={**spec.values, "podAnnotations": annotations})
    if spec.name == MONITORING:
        grafana = {**spec.values.get("grafana", {}), "podAnnotations": annotations}
        return replace(spec, values={**spec.values, "grafana": grafana})
    return spec


def _with(secret: Object, annotations: dict[str, str], string_data: dict[str, str] | None = None) -> Object:
    metadata = {**secret["metadata"], "annotations": annotations_of(secret) | annotations}
    metadata.pop("managedFields", None)
    changed = {**secret, "metadata": metadata}
    return changed | {"stringData": string_data} if string_data else changed
