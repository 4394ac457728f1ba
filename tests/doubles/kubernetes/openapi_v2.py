"""As much of /openapi/v2 as kubectl needs for a kind that /openapi/v3 does not have: a List, or one that is not there.

It is read in protobuf only; the numbers are those of gnostic's OpenAPIv2.proto.
"""

from __future__ import annotations

import json

from tests.doubles.kubernetes.resources import Resources

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")
# Document, Paths, NamedPathItem, PathItem, Operation and so on, as far as they are written here.
_DOCUMENT_PATHS, _PATHS_PATH, _PATH_ITEM_PATCH = 8, 2, 8
_OPERATION_PARAMETERS, _OPERATION_EXTENSION = 8, 13
_ITEM_PARAMETER, _PARAMETER_NON_BODY, _NON_BODY_QUERY = 1, 2, 3
_QUERY_IN, _QUERY_NAME = 2, 4
_NAMED_NAME, _NAMED_VALUE, _ANY_YAML = 1, 2, 2


def document(resources: Resources) -> bytes:
    """For each kind, that a patch of it takes these parameters."""
    paths = b""
    for each in resources:
        kind = json.dumps({"group": each.group, "version": each.version, "kind": each.kind})
        extension = _text(_NAMED_NAME, "x-kubernetes-group-version-kind") + _message(
            _NAMED_VALUE, _text(_ANY_YAML, kind)
        )
        operation = b"".join(_message(_OPERATION_PARAMETERS, _query(name)) for name in _PARAMETERS)
        operation += _message(_OPERATION_EXTENSION, extension)
        name = _text(_NAMED_NAME, f"/apis/{each.group_version}/{each.plural}/{{name}}")
        item = name + _message(_NAMED_VALUE, _message(_PATH_ITEM_PATCH, operation))
        paths += _message(_PATHS_PATH, item)
    return _text(1, "2.0") + _message(_DOCUMENT_PATHS, paths)


def _query(name: str) -> bytes:
    parameter = _message(_NON_BODY_QUERY, _text(_QUERY_IN, "query") + _text(_QUERY_NAME, name))
    return _message(_ITEM_PARAMETER, _message(_PARAMETER_NON_BODY, parameter))


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode())


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])
