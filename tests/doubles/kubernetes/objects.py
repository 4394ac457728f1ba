"""The verbs on objects, as the API server performs them: checked, filled in, owned, and refused where they must be."""

from __future__ import annotations

import copy
import uuid
from typing import Any

from tests.doubles.kubernetes import errors, ownership
from tests.doubles.kubernetes.defaults import Defaults
from tests.doubles.kubernetes.deleting import deleted
from tests.doubles.kubernetes.errors import Refusal
from tests.doubles.kubernetes.making import check_head, check_namespace, random_name
from tests.doubles.kubernetes.patching import json_patched, merge_patched, strategic_patched
from tests.doubles.kubernetes.resources import Resource, Resources
from tests.doubles.kubernetes.store import Object, Store, now
from tests.doubles.kubernetes.validation import checked, decode_checked, immutable_kept, unknown_fields

_KEEPING_STATUS = ("status", "approval")


class Objects:
    """Every method raises `Refusal`. ``dry`` says what would be there and keeps nothing."""

    def __init__(self, store: Store, resources: Resources, defaults: Defaults) -> None:
        self.store = store
        self.resources = resources
        self.defaults = defaults

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        found = self.store.get(resource.key, namespace, name)
        if found is None:
            raise errors.not_found(resource.qualified, name)
        return found

    def create(self, resource: Resource, namespace: str, item: Object, manager: str, *, dry: bool = False) -> Object:
        metadata = item.setdefault("metadata", {})
        check_head(resource, namespace, "", item)
        decode_checked(item, resource)
        with self.store.lock:
            if resource.namespaced:
                metadata["namespace"] = namespace
                check_namespace(self.store, resource, namespace, metadata.get("name", ""))
            else:
                metadata.pop("namespace", None)
            if not metadata.get("name"):
                if not metadata.get("generateName"):
                    raise errors.invalid(
                        resource.kind,
                        resource.group,
                        "",
                        [("metadata.name", "Required value: name or generateName is required")],
                    )
                metadata["name"] = metadata["generateName"] + random_name()
            if self.store.get(resource.key, namespace, metadata["name"]) is not None:
                raise errors.already_exists(resource.qualified, metadata["name"])
            if metadata.get("resourceVersion"):
                raise errors.bad_request("resourceVersion should not be set on objects to be created")
            for field in ("managedFields", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
                metadata.pop(field, None)
            metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
            if "spec" in item or resource.custom:
                metadata["generation"] = 1
            if "status" in resource.subresources:
                item.pop("status", None)
            filled = self.defaults.filled(item, resource, None)
            checked(filled, resource)
            owned = ownership.updated(None, filled, resource.type, manager, resource.group_version)
            return owned if dry else self.store.put(resource.key, owned)

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        item: Object,
        manager: str,
        *,
        sub: str = "",
        dry: bool = False,
    ) -> Object:
        item.setdefault("metadata", {})
        check_head(resource, namespace, name, item)
        with self.store.lock:
            before = self.get(resource, namespace, name)
            return self._write(resource, before, item, manager, sub, dry)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Any,
        form: str,
        manager: str,
        *,
        force: bool = False,
        sub: str = "",
        dry: bool = False,
    ) -> tuple[Object, bool]:
        """What is there then, and whether it was made by it (by an apply only)."""
        with self.store.lock:
            if form == "apply-patch":
                return self._apply(resource, namespace, name, patch, manager, force, sub, dry)
            before = self.get(resource, namespace, name)
            if form == "json-patch":
                after = json_patched(before, patch)
            elif form == "merge-patch":
                after = merge_patched(before, patch)
            elif form == "strategic-merge-patch" and not resource.custom:
                after = strategic_patched(before, patch, resource.type)
            else:
                raise Refusal(
                    415,
                    "UnsupportedMediaType",
                    "the body of the request was in an unknown format - accepted media types include: "
                    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
                )
            after = copy.deepcopy(after)
            check_head(resource, namespace, name, after)
            return self._write(resource, before, after, manager, sub, dry), False

    def _apply(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        config: Object,
        manager: str,
        force: bool,
        sub: str,
        dry: bool,
    ) -> tuple[Object, bool]:
        if not isinstance(config, dict):
            raise errors.bad_request("the body of an apply is an object")
        config = copy.deepcopy(config)
        config.setdefault("metadata", {}).setdefault("name", name)
        check_head(resource, namespace, name, config)
        unknown = [f".{path}: field not declared in schema" for path in unknown_fields(config, resource.type)]
        if unknown:
            where = f"{namespace}/{name}; {resource.group_version}, Kind={resource.kind}"
            raise Refusal(500, "InternalError", f"failed to create typed patch object ({where}): {'; '.join(unknown)}")
        if config["metadata"].get("managedFields"):
            raise errors.bad_request("metadata.managedFields must be nil")
        before = self.store.get(resource.key, namespace, name)
        api_version = resource.group_version
        if before is None:
            created = self.create(resource, namespace, copy.deepcopy(config), manager, dry=True)
            wanted = ownership.paths(config, resource.type)
            owned = ownership.with_owners(created, {(manager, "Apply", ""): wanted}, api_version)
            return (owned if dry else self.store.put(resource.key, owned)), True
        if config["metadata"].get("uid", before["metadata"]["uid"]) != before["metadata"]["uid"]:
            raise errors.conflict(resource.qualified, name, "uid mismatch: the object was deleted and made again")
        config.pop("status", None) if "status" in resource.subresources and sub != "status" else None
        after = ownership.applied(before, config, resource.type, manager, force=force, api_version=api_version)
        return self._write(resource, before, after, manager, sub, dry, owned=True), False

    def _write(
        self,
        resource: Resource,
        before: Object,
        item: Object,
        manager: str,
        sub: str,
        dry: bool,
        *,
        owned: bool = False,
    ) -> Object:
        metadata, old = item["metadata"], before["metadata"]
        name = old["name"]
        if metadata.get("resourceVersion") not in (None, "", old["resourceVersion"]):
            raise errors.conflict(resource.qualified, name)
        if metadata.get("uid") not in (None, "", old["uid"]):
            raise errors.conflict(resource.qualified, name, "Precondition failed: UID in precondition differs")
        kept = {field: old[field] for field in _SERVERS if field in old}
        managed = metadata.get("managedFields") if owned else old.get("managedFields")
        item["metadata"] = {**{key: value for key, value in metadata.items() if key not in _SERVERS}, **kept}
        if managed is not None:
            item["metadata"]["managedFields"] = managed
        if sub in _KEEPING_STATUS:
            item = {**before, "metadata": item["metadata"], "status": item.get("status", {})}
        elif "status" in resource.subresources:
            item = {key: value for key, value in item.items() if key != "status"}
            if "status" in before:
                item["status"] = before["status"]
        decode_checked(item, resource)
        item = self.defaults.filled(item, resource, before)
        checked(item, resource)
        immutable_kept(before, item, resource)
        if "generation" in old and _content(item) != _content(before):
            item["metadata"]["generation"] = old["generation"] + 1
        if not owned and sub not in _KEEPING_STATUS:
            item = ownership.updated(before, item, resource.type, manager, resource.group_version, sub)
        if dry:
            return item
        if old.get("deletionTimestamp") and not item["metadata"].get("finalizers") and resource.kind != "Pod":
            self.store.remove(resource.key, item)
            return item
        return self.store.put(resource.key, item)

    def delete(
        self, resource: Resource, namespace: str, name: str, options: Object, *, dry: bool = False
    ) -> Object | None:
        """The object where it is still there with a time of deletion, None where it is gone."""
        with self.store.lock:
            item = self.get(resource, namespace, name)
            wanted = options.get("preconditions") or {}
            metadata = item["metadata"]
            for field in ("uid", "resourceVersion"):
                if wanted.get(field) not in (None, metadata[field]):
                    raise errors.conflict(
                        resource.qualified, name, f"Precondition failed: {field} in precondition: {wanted[field]}"
                    )
            if dry:
                return item
            return deleted(self.store, resource, item, options)


_SERVERS = (
    "uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp", "deletionGracePeriodSeconds",
    "managedFields",
)  # fmt: skip


def _content(item: Object) -> Object:
    return {key: value for key, value in item.items() if key not in ("metadata", "status")}
