"""Terraform's JSON lines, as ``plan -json`` and ``apply -json`` write them."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from typing import Any

_VERBS = {
    "create": ("Creating", "Creation"),
    "update": ("Modifying", "Modifications"),
    "delete": ("Destroying", "Destruction"),
}


def tell(kind: str, message: str, level: str = "info", **fields: Any) -> None:
    line = {
        "@level": level,
        "@message": message,
        "@module": "terraform.ui",
        "@timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        **fields,
        "type": kind,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def resource(address: str) -> dict[str, Any]:
    module = re.match(r'module\.\w+\["[^"]+"\]', address)
    rest = address.removeprefix(f"{module[0]}.") if module else address
    kind, _, name = rest.partition(".")
    return {
        "addr": address,
        "module": module[0] if module else "",
        "resource": rest,
        "implied_provider": "aws",
        "resource_type": kind,
        "resource_name": name.partition("[")[0],
        "resource_key": None,
    }


def started(address: str, action: str) -> None:
    hook = {"resource": resource(address), "action": action}
    tell("apply_start", f"{address}: {_VERBS[action][0]}...", hook=hook)


def progressed(address: str, action: str, elapsed_s: int) -> None:
    hook = {"resource": resource(address), "action": action, "elapsed_seconds": elapsed_s}
    text = f"{address}: Still {_VERBS[action][0].lower()}... [{elapsed_s}s elapsed]"
    tell("apply_progress", text, hook=hook)


def completed(address: str, action: str, identifier: str, elapsed_s: int) -> None:
    hook = {"resource": resource(address), "action": action, "id_key": "id", "id_value": identifier}
    text = f"{address}: {_VERBS[action][1]} complete after {elapsed_s}s [id={identifier}]"
    tell("apply_complete", text, hook={**hook, "elapsed_seconds": elapsed_s})


def errored(address: str, action: str) -> None:
    hook = {"resource": resource(address), "action": action, "elapsed_seconds": 0}
    tell("apply_errored", f"{address}: {_VERBS[action][1]} errored after 0s", hook=hook)


def complained(summary: str, detail: str = "", address: str | None = None) -> None:
    said = {"severity": "error", "summary": summary, "detail": detail}
    tell("diagnostic", f"Error: {summary}", "error", diagnostic=said | ({"address": address} if address else {}))


def refused_by_aws(kind: str, error: str, address: str) -> None:
    """In the words of the AWS provider."""
    words = error.partition(":")
    text = words[2].strip() or "The double was told so."
    service, _, noun = kind.removeprefix("aws_").partition("_")
    complained(
        f"creating {service.upper()} {noun}: operation error {service.upper()}: Create, https response error "
        f"StatusCode: 400, RequestID: 00000000-0000-4000-8000-000000000000, api error {words[0]}: {text}",
        address=address,
    )


def summed_up(add: int, change: int, remove: int, imported: int, operation: str) -> None:
    counts = {"add": add, "change": change, "import": imported, "remove": remove, "operation": operation}
    text = f"Plan: {add} to add, {change} to change, {remove} to destroy."
    if operation != "plan":
        text = f"Apply complete! Resources: {add} added, {change} changed, {remove} destroyed."
    tell("change_summary", text, changes=counts)
