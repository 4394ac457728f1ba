"""The rows that kubectl prints for people: a few columns of the kinds that people look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.doubles.kubernetes.resources import Resource

Object = dict[str, Any]
Column = Callable[[Object], Any]


def wanted(accept: str) -> bool:
    return "as=Table" in accept.partition(",")[0]


def table(resource: Resource, items: list[Object], version: int) -> Object:
    columns: dict[str, Column] = {"Name": lambda item: item["metadata"]["name"], **_COLUMNS.get(resource.kind, {})}
    columns["Age"] = lambda item: item["metadata"].get("creationTimestamp", "")
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(version)},
        "columnDefinitions": [
            {
                "name": name,
                "type": "string",
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": 0,
            }
            for name in columns
        ],
        "rows": [
            {
                "cells": [str(read(item)) for read in columns.values()],
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": item["metadata"],
                },
            }
            for item in items
        ],
    }


def _condition(item: Object, type_: str) -> str:
    conditions = (item.get("status") or {}).get("conditions") or ()
    return next((each["status"] for each in conditions if each["type"] == type_), "Unknown")


def _ready(item: Object) -> str:
    said = "Ready" if _condition(item, "Ready") == "True" else "NotReady"
    return f"{said},SchedulingDisabled" if item["spec"].get("unschedulable") else said


def _roles(item: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    names = [key.removeprefix(prefix) for key in item["metadata"].get("labels") or {} if key.startswith(prefix)]
    return ",".join(sorted(names)) or "<none>"


def _containers(item: Object) -> str:
    statuses = (item.get("status") or {}).get("containerStatuses") or ()
    return f"{sum(bool(each.get('ready')) for each in statuses)}/{len(item['spec']['containers'])}"


def _phase(item: Object) -> str:
    status = item.get("status") or {}
    waiting = [
        each["state"]["waiting"]["reason"]
        for each in status.get("containerStatuses") or ()
        if "waiting" in each["state"]
    ]
    return waiting[0] if waiting else str(status.get("phase", ""))


def _share(field: str) -> Column:
    return lambda item: f"{(item.get('status') or {}).get(field, 0)}/{item['spec'].get('replicas', 0)}"


_COLUMNS: dict[str, dict[str, Column]] = {
    "Node": {
        "Status": _ready,
        "Roles": _roles,
        "Version": lambda item: item["status"].get("nodeInfo", {}).get("kubeletVersion", ""),
    },
    "Pod": {"Ready": _containers, "Status": _phase, "Node": lambda item: item["spec"].get("nodeName", "<none>")},
    "Deployment": {"Ready": _share("readyReplicas")},
    "StatefulSet": {"Ready": _share("readyReplicas")},
    "Namespace": {"Status": lambda item: item["status"]["phase"]},
    "DaemonSet": {
        "Desired": lambda item: (item.get("status") or {}).get("desiredNumberScheduled", 0),
        "Ready": lambda item: (item.get("status") or {}).get("numberReady", 0),
    },
    "Service": {
        "Type": lambda item: item["spec"]["type"],
        "Cluster-IP": lambda item: item["spec"].get("clusterIP", ""),
    },
    "Event": {
        "Type": lambda item: item.get("type", ""),
        "Reason": lambda item: item.get("reason", ""),
        "Object": lambda item: "/".join(str(item["involvedObject"].get(field, "")) for field in ("kind", "name")),
        "Message": lambda item: item.get("message", ""),
    },
    "CertificateSigningRequest": {
        "SignerName": lambda item: item["spec"]["signerName"],
        "Requestor": lambda item: item["spec"].get("username", ""),
        "Condition": lambda item: ",".join(
            each["type"] for each in (item.get("status") or {}).get("conditions") or ()
        ) or "Pending",
    },
}  # fmt: skip
