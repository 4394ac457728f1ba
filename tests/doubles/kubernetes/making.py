"""What is checked before an object is made or written: its head, its namespace; and names made up for it."""

from __future__ import annotations

import random

from tests.doubles.kubernetes import errors
from tests.doubles.kubernetes.resources import Resource
from tests.doubles.kubernetes.store import Object, Store


def check_head(resource: Resource, namespace: str, name: str, item: Object) -> None:
    """Whether the body is an object of this resource, place and name; fills in what it leaves out. Raises `Refusal`."""
    if not isinstance(item.get("metadata"), dict):
        raise errors.bad_request("the object provided is unrecognized: it has no metadata")
    item.setdefault("apiVersion", resource.group_version)
    item.setdefault("kind", resource.kind)
    if (item["apiVersion"], item["kind"]) != (resource.group_version, resource.kind):
        said = f"{item['apiVersion']}, Kind={item['kind']}"
        raise errors.bad_request(f"{said} in the body is not {resource.group_version}, Kind={resource.kind}")
    metadata = item["metadata"]
    if name and metadata.setdefault("name", name) != name:
        raise errors.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
        )
    if resource.namespaced and metadata.setdefault("namespace", namespace) != namespace:
        raise errors.bad_request(
            f"the namespace of the provided object does not match the namespace sent on the request ({namespace})"
        )


def check_namespace(store: Store, resource: Resource, namespace: str, name: str) -> None:
    """Whether something may be made in this namespace. Raises `Refusal`."""
    found = store.get("namespaces", "", namespace)
    if found is None:
        raise errors.not_found("namespaces", namespace)
    if found["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        raise errors.forbidden(resource.qualified, name, why)


def random_name() -> str:
    """Five letters as the API server appends them."""
    return "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
