"""As much of /openapi/v3 as clients need to leave the checking of fields to the server."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.doubles.kubernetes.resources import Resource, Resources

Object = dict[str, Any]
_APPLY = "application/apply-patch+yaml"


def index(resources: Resources) -> Object:
    """Each group version with the address of its document; the hash makes clients keep it."""
    versions: dict[str, list[str]] = {}
    for each in resources:
        versions.setdefault(_folder(each), []).append(each.plural)
    return {
        "paths": {
            folder: {"serverRelativeURL": f"/openapi/v3/{folder}?hash={_hash(plurals)}"}
            for folder, plurals in sorted(versions.items())
        }
    }


def document(resources: Resources, folder: str) -> Object | None:
    """The document of ``api/v1`` or ``apis/<group>/<version>``."""
    found = [each for each in resources if _folder(each) == folder]
    if not found:
        return None
    paths: Object = {}
    schemas: Object = {}
    for each in found:
        scope = "/namespaces/{namespace}" if each.namespaced else ""
        kind = {"group": each.group, "version": each.version, "kind": each.kind}
        name = f"{each.group or 'core'}.{each.version}.{each.kind}"
        schemas[name] = {
            "type": "object",
            "x-kubernetes-group-version-kind": [kind],
            "properties": {field: _shown(type_.form) for field, type_ in each.type.fields.items()},
        }
        parameters = [
            {"name": parameter, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
            for parameter in ("dryRun", "fieldManager", "fieldValidation", "force")
        ]
        paths[f"/{folder}{scope}/{each.plural}/{{name}}"] = {
            "patch": {
                "operationId": f"patch{each.kind}",
                "parameters": parameters,
                "requestBody": {"content": {_APPLY: {"schema": {"type": "object"}}}},
                "responses": {"200": {"description": "OK"}},
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": kind,
            }
        }
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _shown(form: str) -> Object:
    if form in ("struct", "map", "any"):
        return {"type": "object"}
    if form == "list":
        return {"type": "array", "items": {"type": "object"}}
    return {"type": form if form in ("integer", "number", "boolean") else "string"}


def _folder(each: Resource) -> str:
    return f"apis/{each.group_version}" if each.group else f"api/{each.version}"


def _hash(plurals: list[str]) -> str:
    return hashlib.sha256(",".join(plurals).encode()).hexdigest().upper()[:32]
