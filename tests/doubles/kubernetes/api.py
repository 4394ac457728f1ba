"""A request to the API server, once its transport is off: which verb on which object, and what comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.doubles.kubernetes import discovery, errors, openapi, openapi_v2, subresources, tables
from tests.doubles.kubernetes.errors import Refusal
from tests.doubles.kubernetes.messages import Answer, Request
from tests.doubles.kubernetes.objects import Objects
from tests.doubles.kubernetes.resources import Resource, Resources
from tests.doubles.kubernetes.selectors import fields_match, labels_match
from tests.doubles.kubernetes.store import Object, Store
from tests.doubles.kubernetes.watching import watch

_RESOURCE = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]+))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>.+))?)?"
)
_ITSELF = {("namespaces", "status"), ("namespaces", "finalize")}
_LONGEST_WATCH_S = 1800.0


@dataclass
class Api:
    """Answers requests. Raises `Refusal`. ``version`` is Kubernetes', v1.34.5."""

    store: Store
    resources: Resources
    objects: Objects
    version: str
    ending: Any = None  # an Event: set, watches end

    def answer(self, request: Request) -> Answer:
        path = request.path.rstrip("/") or "/"
        if path in ("/healthz", "/readyz", "/livez"):
            verbose = "verbose" in request.query
            return Answer(text="[+]ping ok\n[+]etcd ok\nhealthz check passed\n" if verbose else "ok")
        if path == "/version":
            return Answer(value=self._version())
        if path == "/metrics":
            return Answer(text='# TYPE apiserver_up gauge\napiserver_up{double="true"} 1\n')
        if answer := subresources.aggregated_api(self.store, path):
            return Answer(value=answer)
        found = self._described(path, request)
        if found is not None:
            return found
        matched = _RESOURCE.fullmatch(path)
        if not matched:
            raise errors.no_such_path()
        group_version = matched["core"] or f"{matched['group']}/{matched['version']}"
        namespace, plural, name, sub = (matched[part] or "" for part in ("namespace", "plural", "name", "sub"))
        if namespace and not name and (namespace_sub := ("namespaces", plural)) in _ITSELF:
            plural, name, namespace, sub = "namespaces", namespace, "", namespace_sub[1]
        resource = self.resources.find(group_version, plural)
        if resource is None or (name and bool(namespace) is not resource.namespaced):
            raise errors.no_such_path()
        if sub:
            return self._sub(request, resource, namespace, name, sub)
        return self._on_one(request, resource, namespace, name) if name else self._on_all(request, resource, namespace)

    def _described(self, path: str, request: Request) -> Answer | None:
        accept = request.headers.get("accept", "")
        value: Object | None
        if path in ("/api", "/apis") and discovery.wants_aggregated(accept):
            others = [] if path == "/api" else subresources.extensions(self.store)
            value = discovery.aggregated(self.resources, core=path == "/api", extensions=others)
            kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
            return Answer(value=value, headers={"Content-Type": kind})
        if path == "/openapi/v2":
            return Answer(content=openapi_v2.document(self.resources), headers={"Content-Type": openapi_v2.MEDIA_TYPE})
        if path == "/api":
            value = {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        elif path == "/apis":
            value = discovery.groups(self.resources, subresources.extensions(self.store))
        elif path == "/openapi/v3":
            value = openapi.index(self.resources)
        elif path.startswith("/openapi/v3/"):
            value = openapi.document(self.resources, path.removeprefix("/openapi/v3/"))
        elif path == "/api/v1" or re.fullmatch(r"/apis/[^/]+/[^/]+", path):
            value = discovery.resource_list(self.resources, path.removeprefix("/apis/").removeprefix("/api/"))
        elif re.fullmatch(r"/apis/[^/]+", path):
            value = discovery.group(self.resources, path.removeprefix("/apis/"))
        else:
            return None
        if value is None:
            raise errors.no_such_path()
        return Answer(value=value)

    def _version(self) -> Object:
        major, minor, _ = self.version.lstrip("v").split(".")
        return {"major": major, "minor": minor, "gitVersion": self.version, "platform": "linux/amd64"}

    def _on_all(self, request: Request, resource: Resource, namespace: str) -> Answer:
        if request.method == "POST":
            item = request.read()
            made = self.objects.create(resource, namespace, item, request.manager, dry=request.dry)
            return self._one(request, resource, made, 201)
        labels = labels_match(request.query.get("labelSelector", ""))
        fields = fields_match(request.query.get("fieldSelector", ""))

        def chooses(item: Object) -> bool:
            return labels(item["metadata"].get("labels") or {}) and fields(item)

        where = namespace if resource.namespaced and namespace else None
        if request.method == "DELETE":
            for item in [item for item in self.store.list(resource.key, where) if chooses(item)]:
                metadata = item["metadata"]
                self.objects.delete(resource, metadata.get("namespace", ""), metadata["name"], request.options())
            return Answer(value={"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
        if request.method != "GET":
            raise Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        if request.query.get("watch") in ("true", "1"):
            return Answer(stream=self._watch(request, resource, where, chooses))
        with self.store.lock:
            version = self.store.version
            items = [item for item in self.store.list(resource.key, where) if chooses(item)]
        if tables.wanted(request.headers.get("accept", "")):
            return Answer(value=tables.table(resource, items, version))
        bare = [{**item, "apiVersion": resource.group_version} for item in items]
        return Answer(
            value={
                "kind": f"{resource.kind}List",
                "apiVersion": resource.group_version,
                "metadata": {"resourceVersion": str(version)},
                "items": bare,
            }
        )

    def _watch(self, request: Request, resource: Resource, where: str | None, chooses: Any) -> Iterator[Object | None]:
        query = request.query
        since = query.get("resourceVersion", "")
        rows = tables.wanted(request.headers.get("accept", ""))
        events = watch(
            self.store,
            resource,
            where,
            chooses,
            since=int(since) if since not in ("", "0") else None,
            bookmarks=query.get("allowWatchBookmarks") == "true",
            initial=query.get("sendInitialEvents") == "true",
            timeout_s=float(query.get("timeoutSeconds", _LONGEST_WATCH_S)),
            ended=self.ending.is_set if self.ending else lambda: False,
        )
        for event in events:
            if event is not None and rows and event["type"] != "BOOKMARK":
                event = {**event, "object": tables.table(resource, [event["object"]], self.store.version)}
            yield event

    def _on_one(self, request: Request, resource: Resource, namespace: str, name: str) -> Answer:
        match request.method:
            case "GET":
                return self._one(request, resource, self.objects.get(resource, namespace, name))
            case "PUT":
                item = request.read()
                return self._one(
                    request, resource,
                    self.objects.update(resource, namespace, name, item, request.manager, dry=request.dry),
                )  # fmt: skip
            case "PATCH":
                item, made = self._patched(request, resource, namespace, name, "")
                return self._one(request, resource, item, 201 if made else 200)
            case "DELETE":
                before = self.objects.get(resource, namespace, name)
                left = self.objects.delete(resource, namespace, name, request.options(), dry=request.dry)
                if left is not None:
                    return Answer(value={**left, "apiVersion": resource.group_version})
                details = {"name": name, "kind": resource.plural, "uid": before["metadata"]["uid"]}
                status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
                return Answer(value={**status, "details": {**details, "group": resource.group}})
        raise Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _patched(
        self, request: Request, resource: Resource, namespace: str, name: str, sub: str
    ) -> tuple[Object, bool]:
        kind = request.headers.get("content-type", "").partition(";")[0]
        form = kind.removeprefix("application/").partition("+")[0]
        read = yaml.safe_load(request.body) if form == "apply-patch" else json.loads(request.body)
        if form == "apply-patch" and not request.query.get("fieldManager"):
            raise errors.bad_request(
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
            )
        force = request.query.get("force") == "true"
        return self.objects.patch(
            resource, namespace, name, read, form, request.manager, force=force, sub=sub, dry=request.dry
        )

    def _sub(self, request: Request, resource: Resource, namespace: str, name: str, sub: str) -> Answer:
        first = sub.partition("/")[0]
        if first not in resource.subresources:
            raise errors.no_such_path()
        if first in ("status", "approval") and request.method == "PATCH":
            item, _ = self._patched(request, resource, namespace, name, first)
            return self._one(request, resource, item)
        if first in ("status", "approval", "finalize") and request.method == "PUT":
            item = self.objects.update(resource, namespace, name, request.read(), request.manager, sub=first)
            return self._one(request, resource, item)
        if first in ("status", "approval") and request.method == "GET":
            return self._one(request, resource, self.objects.get(resource, namespace, name))
        body = request.read() if request.body else {}
        patch = request.headers.get("content-type", "") if request.method == "PATCH" else ""
        value = subresources.answered(self.objects, resource, namespace, name, sub, request.method, body, patch)
        return Answer(text=value) if isinstance(value, str) else Answer(value=value, code=value.get("code", 200))

    def _one(self, request: Request, resource: Resource, item: Object, code: int = 200) -> Answer:
        if tables.wanted(request.headers.get("accept", "")):
            return Answer(code, tables.table(resource, [item], self.store.version))
        return Answer(code, {**item, "apiVersion": resource.group_version})
