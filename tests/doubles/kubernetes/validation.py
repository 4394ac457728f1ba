"""What the API server refuses: fields that no kind has, values of another type, names that are no names."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from tests.doubles.kubernetes.errors import Refusal, bad_request, invalid
from tests.doubles.kubernetes.quantities import quantity
from tests.doubles.kubernetes.resources import Resource
from tests.doubles.kubernetes.selectors import selector_matches
from tests.doubles.kubernetes.types import Type

Object = dict[str, Any]
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_DNS_LABEL = re.compile(_LABEL, re.ASCII)
_RBAC_NAME = re.compile(r"[^/%]+")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_LABEL_KEY = re.compile(rf"({_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?", re.ASCII)
_SELECTING = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet")


def unknown_fields(item: Any, type_: Type, path: str = "") -> Iterator[str]:
    """The paths of fields that the type does not have."""
    if type_.form == "struct" and isinstance(item, dict):
        for name, value in item.items():
            where = f"{path}.{name}" if path else name
            if name in type_.fields:
                yield from unknown_fields(value, type_.fields[name], where)
            else:
                yield where
    elif type_.form == "map" and isinstance(item, dict):
        for name, value in item.items():
            yield from unknown_fields(value, type_.of(name), f"{path}.{name}")
    elif type_.form == "list" and isinstance(item, list):
        for index, value in enumerate(item):
            yield from unknown_fields(value, type_.item or type_, f"{path}[{index}]")


def wrong_types(item: Any, type_: Type, path: str = "") -> Iterator[str]:
    """What cannot be decoded at all, as sentences."""
    if item is None or type_.form == "any":
        return
    if not _fits(item, type_.form):
        yield f"{path}: a {type(item).__name__} is no {type_.form}"
    elif type_.form == "struct":
        for name, value in item.items():
            yield from wrong_types(value, type_.of(name), f"{path}.{name}".lstrip("."))
    elif type_.form == "map":
        for name, value in item.items():
            yield from wrong_types(value, type_.of(name), f"{path}.{name}")
    elif type_.form == "list" and type_.item:
        for index, value in enumerate(item):
            yield from wrong_types(value, type_.item, f"{path}[{index}]")


def _fits(item: Any, form: str) -> bool:
    if form in ("struct", "map"):
        return isinstance(item, dict)
    if form == "list":
        return isinstance(item, list)
    if form == "boolean":
        return isinstance(item, bool)
    if isinstance(item, bool):
        return False
    if form == "integer":
        return isinstance(item, int) or (isinstance(item, float) and item.is_integer())
    if form == "number":
        return isinstance(item, int | float)
    if form in ("quantity", "intstr"):
        return isinstance(item, str | int | float) and (form == "intstr" or _is_quantity(item))
    if form == "bytes":
        return isinstance(item, str) and _is_base64(item)
    return isinstance(item, str)


def _is_quantity(item: Any) -> bool:
    try:
        quantity(item)
    except ValueError:
        return False
    return True


def _is_base64(item: str) -> bool:
    try:
        base64.b64decode(item, validate=True)
    except binascii.Error:
        return False
    return True


def missing_fields(item: Any, type_: Type, path: str = "") -> Iterator[str]:
    """The paths of fields that are required and not there."""
    if isinstance(item, dict) and type_.form in ("struct", "map"):
        if type_.form == "struct":
            for name in type_.required:
                # An empty text is there only by its key; for Kubernetes it is not there.
                if item.get(name) is None:
                    yield f"{path}.{name}".lstrip(".")
        for name, value in item.items():
            yield from missing_fields(value, type_.of(name), f"{path}.{name}".lstrip("."))
    elif isinstance(item, list) and type_.item:
        for index, value in enumerate(item):
            yield from missing_fields(value, type_.item, f"{path}[{index}]")


def decode_checked(item: Object, resource: Resource) -> None:
    """Refuses what the strict decoder does. Raises `Refusal` 400."""
    wrong = list(wrong_types(item, resource.type))
    if wrong:
        kind, version = resource.kind, resource.version
        raise bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {"; ".join(wrong)}')
    unknown = [f'unknown field "{path}"' for path in unknown_fields(item, resource.type)]
    if unknown:
        raise bad_request(f"strict decoding error: {', '.join(unknown)}")


def checked(item: Object, resource: Resource) -> None:
    """Refuses an object that is not valid, defaults included. Raises `Refusal` 422."""
    causes = [(path, "Required value") for path in missing_fields(item, resource.type) if path != "status"]
    causes += [*_metadata(item, resource), *_workload(item, resource)]
    if causes:
        raise invalid(resource.kind, resource.group, item["metadata"].get("name", ""), causes)


def _metadata(item: Object, resource: Resource) -> Iterator[tuple[str, str]]:
    metadata = item["metadata"]
    name = metadata["name"]
    rbac = resource.group == "rbac.authorization.k8s.io"
    pattern = _RBAC_NAME if rbac else _DNS_LABEL if resource.kind in ("Service", "Namespace") else _SUBDOMAIN
    longest = 63 if resource.kind in ("Service", "Namespace") else 253
    if not pattern.fullmatch(name) or len(name) > longest:
        rule = "a lowercase RFC 1123 label" if pattern is _DNS_LABEL else "a lowercase RFC 1123 subdomain"
        yield "metadata.name", f'Invalid value: "{name}": {rule} must consist of lower case alphanumeric characters'
    for key, value in (metadata.get("labels") or {}).items():
        if not _LABEL_KEY.fullmatch(key):
            yield "metadata.labels", f'Invalid value: "{key}": name part must consist of alphanumeric characters'
        if not _LABEL_VALUE.fullmatch(value or ""):
            yield "metadata.labels", f'Invalid value: "{value}": a valid label must be an empty string or consist of …'
    for key in metadata.get("annotations") or {}:
        if not _LABEL_KEY.fullmatch(key):
            yield "metadata.annotations", f'Invalid value: "{key}"'


def _workload(item: Object, resource: Resource) -> Iterator[tuple[str, str]]:
    spec = item.get("spec") or {}
    if resource.kind in _SELECTING and resource.group == "apps":
        labels = (spec["template"].get("metadata") or {}).get("labels") or {}
        if not selector_matches(spec.get("selector"), labels):
            yield (
                "spec.template.metadata.labels",
                f"Invalid value: {labels}: `selector` does not match template `labels`",
            )
    if resource.kind == "Ingress" and not spec.get("rules") and not spec.get("defaultBackend"):
        yield "spec", "Invalid value: either `defaultBackend` or `rules` must be specified"
    pod = spec if resource.kind == "Pod" else (spec.get("template") or {}).get("spec") if not resource.custom else None
    if isinstance(pod, dict) and "containers" in pod:
        claims = {each["metadata"].get("name") for each in spec.get("volumeClaimTemplates") or ()}
        yield from _pod(pod, "spec" if resource.kind == "Pod" else "spec.template.spec", claims)


def _pod(pod: Object, path: str, claims: set[str]) -> Iterator[tuple[str, str]]:
    volumes = claims | {volume.get("name") for volume in pod.get("volumes") or ()}
    if not pod["containers"]:
        yield f"{path}.containers", "Required value"
    for index, container in enumerate([*pod["containers"], *(pod.get("initContainers") or ())]):
        where = f"{path}.containers[{index}]"
        if not container.get("image"):
            yield f"{where}.image", "Required value"
        if not _DNS_LABEL.fullmatch(container.get("name") or ""):
            yield f"{where}.name", f'Invalid value: "{container.get("name")}"'
        for mount in container.get("volumeMounts") or ():
            if mount["name"] not in volumes:
                yield f"{where}.volumeMounts", f'Not found: "{mount["name"]}"'
        resources = container.get("resources") or {}
        for name, wanted in (resources.get("requests") or {}).items():
            limit = (resources.get("limits") or {}).get(name)
            if limit is not None and quantity(wanted) > quantity(limit):
                yield (
                    f"{where}.resources.requests",
                    f'Invalid value: "{wanted}": must be less than or equal to {name} limit',
                )


def immutable_kept(before: Object, after: Object, resource: Resource) -> None:
    """Refuses changes of what may not change. Raises `Refusal` 422."""
    frozen = {
        "Deployment": ("selector",),
        "ReplicaSet": ("selector",),
        "DaemonSet": ("selector",),
        "StatefulSet": ("selector", "serviceName", "volumeClaimTemplates", "podManagementPolicy"),
        "Job": ("selector", "template", "completionMode"),
    }.get(resource.kind, ())
    old, new = before.get("spec") or {}, after.get("spec") or {}
    causes = [
        (f"spec.{field}", f"Invalid value: {new.get(field)}: field is immutable")
        for field in frozen
        if not resource.custom and old.get(field) != new.get(field)
    ]
    if resource.kind == "StorageClass":
        causes += [
            (field, "Forbidden: updates to this field are forbidden.")
            for field in ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
            if before.get(field) != after.get(field)
        ]
    if resource.kind in ("Secret", "ConfigMap") and before.get("immutable") and _data(before) != _data(after):
        causes.append(("data", "Forbidden: field is immutable when `immutable` is set"))
    if resource.kind == "Node" and old.get("providerID") and old.get("providerID") != new.get("providerID"):
        causes.append(("spec.providerID", 'Forbidden: node updates may not change providerID except from "" to valid'))
    if causes:
        raise invalid(resource.kind, resource.group, after["metadata"]["name"], causes)


def _data(item: Object) -> Any:
    return item.get("data"), item.get("binaryData")


__all__ = ["Refusal", "checked", "decode_checked", "immutable_kept", "unknown_fields"]
