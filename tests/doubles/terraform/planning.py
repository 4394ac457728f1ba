"""The double's plan: what differs between the cluster file and the state, in the shape of ``show -json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.doubles.terraform.resources import Resource
from tests.doubles.terraform.state import State

ORDER = {"import": 0, "create": 1, "update": 2, "replace": 3, "delete": 4}


def changes(
    resources: Sequence[Resource],
    state: State,
    *,
    destroy: bool,
    replace: Iterable[str],
    targets: Sequence[str],
    adopt: Mapping[str, str],
) -> list[dict[str, Any]]:
    """One entry for each resource that is not as it is wanted."""
    wanted = {} if destroy else {resource.address: resource for resource in resources}
    found = []
    for address, resource in wanted.items():
        found += _change(resource, state, address in set(replace), adopt)
    for address in reversed(state.attributes):
        if address not in wanted:
            found.append(_entry(address, ["delete"], state.attributes[address], None))
    return [each for each in found if not targets or any(_concerns(target, each["address"]) for target in targets)]


def _change(resource: Resource, state: State, asked: bool, adopt: Mapping[str, str]) -> list[dict[str, Any]]:
    address, wanted = resource.address, resource.attributes
    now = state.attributes.get(address)
    if now is None:
        bucket = adopt.get(address.partition('["')[2].partition('"')[0]) if resource.type == "aws_s3_bucket" else None
        if bucket is not None:
            return [_entry(address, ["update"], {"bucket": bucket}, wanted, importing={"id": bucket})]
        return [_entry(address, ["create"], None, wanted)]
    differs = [name for name, value in wanted.items() if now.get(name) != value]
    fixed = [[name] for name in differs if name in resource.fixed]
    if address in state.tainted or asked or fixed:
        reason = "replace_because_tainted" if address in state.tainted else "replace_because_cannot_update"
        reason = "replace_by_request" if asked else reason
        entry = _entry(address, ["delete", "create"], now, wanted, replace_paths=fixed)
        return [entry | {"action_reason": reason}]
    return [_entry(address, ["update"], now, {**now, **wanted})] if differs else []


def _entry(address: str, actions: list[str], before: Any, after: Any, **more: Any) -> dict[str, Any]:
    kind, name = address.split(".")[-2:] if '"' not in address else _type_and_name(address)
    return {
        "address": address,
        "mode": "managed",
        "type": kind,
        "name": name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {"actions": actions, "before": before, "after": after, "after_unknown": {}, **more},
    }


def _type_and_name(address: str) -> tuple[str, str]:
    rest = address.partition('"].')[2] if address.startswith("module.") else address
    kind, _, name = rest.partition(".")
    return kind, name.partition("[")[0]


def _concerns(target: str, address: str) -> bool:
    return address == target or address.startswith((f"{target}.", f"{target}["))
