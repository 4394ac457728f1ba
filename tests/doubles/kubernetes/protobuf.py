"""Kubernetes' protobuf form, of which only requests are understood: Helm writes its Secrets in it.

https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding The field numbers are those of
k8s.io/api/core/v1/generated.proto and k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto.
"""

import base64
from collections.abc import Iterator
from typing import Any

from tests.doubles.kubernetes.errors import Refusal

Object = dict[str, Any]
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
# Number -> (name, form). A dict as the form is a message.
_TIME: dict[int, tuple[str, Any]] = {1: ("seconds", int)}
_OWNER: dict[int, tuple[str, Any]] = {
    1: ("kind", str), 3: ("name", str), 4: ("uid", str), 5: ("apiVersion", str), 6: ("controller", bool),
    7: ("blockOwnerDeletion", bool),
}  # fmt: skip
_METADATA: dict[int, tuple[str, Any]] = {
    1: ("name", str), 2: ("generateName", str), 3: ("namespace", str), 5: ("uid", str), 6: ("resourceVersion", str),
    7: ("generation", int), 8: ("creationTimestamp", _TIME), 9: ("deletionTimestamp", _TIME),
    11: ("labels", "map"), 12: ("annotations", "map"), 13: ("ownerReferences", [_OWNER]), 14: ("finalizers", [str]),
    17: ("managedFields", None),
}  # fmt: skip
_PRECONDITIONS: dict[int, tuple[str, Any]] = {1: ("uid", str), 2: ("resourceVersion", str)}
_MESSAGES: dict[str, dict[int, tuple[str, Any]]] = {
    "Secret": {
        1: ("metadata", _METADATA), 2: ("data", "bytes map"), 3: ("type", str), 4: ("stringData", "map"),
        5: ("immutable", bool),
    },
    "ConfigMap": {
        1: ("metadata", _METADATA), 2: ("data", "map"), 3: ("binaryData", "bytes map"), 4: ("immutable", bool),
    },
    "Namespace": {1: ("metadata", _METADATA), 2: ("spec", None), 3: ("status", None)},
    "DeleteOptions": {
        1: ("gracePeriodSeconds", int), 2: ("preconditions", _PRECONDITIONS), 3: ("orphanDependents", bool),
        4: ("propagationPolicy", str), 5: ("dryRun", [str]),
    },
    "CertificateSigningRequest": {
        1: ("metadata", _METADATA),
        2: ("spec", {
            1: ("request", bytes), 2: ("username", str), 3: ("uid", str), 4: ("groups", [str]), 5: ("usages", [str]),
            7: ("signerName", str), 8: ("expirationSeconds", int),
        }),
        3: ("status", {
            1: ("conditions", [{1: ("type", str), 2: ("reason", str), 3: ("message", str), 6: ("status", str)}]),
            2: ("certificate", bytes),
        }),
    },
    "Eviction": {1: ("metadata", _METADATA), 2: ("deleteOptions", "DeleteOptions")},
}  # fmt: skip


def decoded(body: bytes) -> Object:
    """A request's body as an object. Raises `Refusal` 415 for a kind that is not understood here."""
    if not body.startswith(_MAGIC):
        raise Refusal(400, "BadRequest", "the body has not the beginning of Kubernetes' protobuf")
    envelope = dict(_fields(body[len(_MAGIC) :]))
    head = {number: value.decode() for number, value in _fields(envelope[1]) if isinstance(value, bytes)}
    kind = head.get(2, "")
    if kind not in _MESSAGES:
        raise Refusal(415, "UnsupportedMediaType", f"this double does not read {kind} as protobuf")
    return {"apiVersion": head.get(1, ""), "kind": kind, **_message(envelope.get(2, b""), _MESSAGES[kind])}


def _message(data: bytes, form: dict[int, tuple[str, Any]]) -> Object:
    found: Object = {}
    for number, value in _fields(data):
        name, kind = form.get(number, (None, None))
        if name is None or kind is None:
            continue
        if kind in ("map", "bytes map"):
            entry = dict(_fields(value))
            text = entry.get(2, b"")
            found.setdefault(name, {})[entry[1].decode()] = (
                text.decode() if kind == "map" else base64.b64encode(text).decode()
            )
        elif isinstance(kind, list):
            found.setdefault(name, []).append(_value(value, kind[0]))
        elif kind is _TIME:
            continue  # the server's own
        elif kind == "DeleteOptions":
            found[name] = _message(value, _MESSAGES["DeleteOptions"])
        else:
            found[name] = _value(value, kind)
    return {name: value for name, value in found.items() if value != ""}


def _value(value: Any, kind: Any) -> Any:
    if isinstance(kind, dict):
        return _message(value, kind)
    if kind is bytes:
        return base64.b64encode(value).decode()
    return value.decode() if kind is str else bool(value) if kind is bool else value


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value): an int of a varint, the bytes of what has a length."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire == 2:
            length, at = _varint(data, at)
            yield number, data[at : at + length]
            at += length
        else:
            at += {1: 8, 5: 4}[wire]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at
