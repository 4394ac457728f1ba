"""What a client asks first: which groups, versions and resources there are, in the aggregated form and in the old."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.doubles.kubernetes.resources import VERBS, Resource, Resources

Object = dict[str, Any]
_SUBRESOURCE = {
    "status": ("", ("get", "patch", "update")),
    "scale": ("Scale", ("get", "patch", "update")),
    "eviction": ("Eviction", ("create",)),
    "approval": ("", ("get", "patch", "update")),
    "finalize": ("", ("update",)),
    "proxy": ("NodeProxyOptions", ("get",)),
    "log": ("", ("get",)),
}
_AGGREGATED = "APIGroupDiscoveryList"


def wants_aggregated(accept: str) -> bool:
    return _AGGREGATED in accept and "v=v2" in accept.replace("v=v2beta1", "")


def aggregated(resources: Resources, *, core: bool, extensions: Iterable[tuple[str, str]] = ()) -> Object:
    """The answer to /api or /apis for who understands apidiscovery.k8s.io/v2.

    ``extensions`` are the groups and versions that other servers answer for.
    """
    groups: dict[str, dict[str, list[Resource]]] = {}
    for each in resources:
        if (each.group == "") is core:
            groups.setdefault(each.group, {}).setdefault(each.version, []).append(each)
    return {
        "kind": _AGGREGATED,
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group, "creationTimestamp": None},
                "versions": [
                    {"version": version, "freshness": "Current", "resources": [_described(each) for each in found]}
                    for version, found in versions.items()
                ],
            }
            for group, versions in groups.items()
        ]
        + [
            {
                "metadata": {"name": group, "creationTimestamp": None},
                "versions": [{"version": version, "freshness": "Current", "resources": _metrics(group, version)}],
            }
            for group, version in extensions
        ],
    }


def _metrics(group: str, version: str) -> list[Object]:
    """What metrics-server serves; no other extension is known here."""
    kinds = {"nodes": ("NodeMetrics", "Cluster"), "pods": ("PodMetrics", "Namespaced")}
    return [
        {
            "resource": plural,
            "responseKind": {"group": group, "version": version, "kind": kind},
            "scope": scope,
            "singularResource": "",
            "verbs": ["get", "list"],
        }
        for plural, (kind, scope) in kinds.items()
    ]


def _described(each: Resource) -> Object:
    item: Object = {
        "resource": each.plural,
        "responseKind": {"group": each.group, "version": each.version, "kind": each.kind},
        "scope": "Namespaced" if each.namespaced else "Cluster",
        "singularResource": each.kind.lower(),
        "verbs": list(VERBS),
    }
    if each.short_names:
        item["shortNames"] = list(each.short_names)
    if each.categories:
        item["categories"] = list(each.categories)
    below = [
        {"subresource": name, "responseKind": _response_kind(each, name), "verbs": list(_SUBRESOURCE[name][1])}
        for name in sorted(each.subresources)
        if name in _SUBRESOURCE
    ]
    return {**item, "subresources": below} if below else item


def _response_kind(each: Resource, subresource: str) -> Object:
    kind = _SUBRESOURCE[subresource][0]
    group, version = {"Scale": ("autoscaling", "v1"), "Eviction": ("policy", "v1")}.get(
        kind, (each.group, each.version)
    )
    return {"group": group, "version": version, "kind": kind or each.kind}


def groups(resources: Resources, extensions: Iterable[tuple[str, str]] = ()) -> Object:
    """The answer to /apis."""
    found: dict[str, list[str]] = {group: [version] for group, version in extensions}
    for each in resources:
        if each.group:
            versions = found.setdefault(each.group, [])
            if each.version not in versions:
                versions.append(each.version)
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name, versions) for name, versions in found.items()],
    }


def group(resources: Resources, name: str) -> Object | None:
    """The answer to /apis/<group>."""
    for each in groups(resources)["groups"]:
        if each["name"] == name:
            return {"kind": "APIGroup", "apiVersion": "v1", **each}
    return None


def _group(name: str, versions: list[str]) -> Object:
    both = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": both, "preferredVersion": both[-1]}


def resource_list(resources: Iterable[Resource], group_version: str) -> Object | None:
    """The answer to /api/v1 or /apis/<group>/<version>."""
    found: list[Object] = []
    for each in resources:
        if each.group_version != group_version:
            continue
        entry = {
            "name": each.plural,
            "singularName": each.kind.lower(),
            "namespaced": each.namespaced,
            "kind": each.kind,
            "verbs": list(VERBS),
            "shortNames": list(each.short_names),
            "categories": list(each.categories),
        }
        found.append(entry)
        for name in sorted(each.subresources & set(_SUBRESOURCE)):
            kind = _SUBRESOURCE[name][0] or each.kind
            verbs = list(_SUBRESOURCE[name][1])
            response = _response_kind(each, name)
            found.append(
                {
                    "name": f"{each.plural}/{name}",
                    "singularName": "",
                    "namespaced": each.namespaced,
                    "kind": kind,
                    "verbs": verbs,
                    "group": response["group"],
                    "version": response["version"],
                }
            )
    if not found:
        return None
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": found}
