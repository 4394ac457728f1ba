"""The OpenAPI 3.1 document, made from the route table and the models it names."""

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.gateway.route import EVENTS, Media, Route, Upload
from services.gateway.shapes import Answer, ProblemDetails
from services.kernel.errors import Problem

VERSION = "1.0.0"  # of the API; the first number grows when a client must change
PROBLEM = "application/problem+json"
REF = "#/components/schemas/{model}"

_LONG_NAME = re.compile(r"services__gateway__api__([a-z]+)__(\w+)")
"""What Pydantic calls a model whose name another module has too; it becomes `ChatItem`, `RecycleItem`."""

EVENT = {
    "type": "object",
    "description": "One server-sent event; `data` is JSON, `id` goes back as Last-Event-ID",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer", "description": "milliseconds"},
    },
    "required": ["id", "event", "data"],
}

PARTS: dict[str, dict[str, Any]] = {
    "item_id": {"type": "string", "pattern": "^[a-z0-9_]{1,100}$"},
    "domain": {"enum": ["waste", "auth", "user", "location", "recycle", "chat"]},
    "provider": {"enum": ["google", "kakao", "naver"]},
    "code": {"type": "string", "pattern": "^[a-z0-9_]{1,40}$"},
    "file": {"type": "string", "pattern": "^[a-z0-9.-]{1,60}$"},
}
"""The variable parts of paths; any other is a UUID."""
UUID = {"type": "string", "format": "uuid"}

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {"description": "The trace id of this request", "schema": {"type": "string"}},
    "RateLimit": {"description": "What is left of the limit", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "The limit and its window", "schema": {"type": "string"}},
}
RETRY_AFTER = {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}
LOCATION = {"description": "Where it is", "schema": {"type": "string"}}


@cache
def as_text(routes: tuple[Route, ...], server: str) -> str:
    """The document as JSON."""
    text = json.dumps(document(routes, server), ensure_ascii=False)
    return _LONG_NAME.sub(lambda name: f"{name[1].capitalize()}{name[2]}", text)


def document(routes: Iterable[Route], server: str) -> dict[str, Any]:
    """The document of all routes that are not private, for the API at the address `server`."""
    shown = [route for route in routes if not route.private]
    paths: dict[str, dict[str, Any]] = {}
    schemas = _schemas(shown)
    for route in shown:
        path = route.path.replace("<", "{").replace(">", "}")
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, schemas)
    used = {name: schema for name, schema in schemas.items() if not name.startswith("?")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Eco²",
            "version": VERSION,
            "summary": "What is this, and how do I throw it away?",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}, {"url": server}],
        "tags": [{"name": name} for name in dict.fromkeys(route.domain for route in shown)],
        "paths": paths,
        "components": {
            "schemas": used,
            "headers": {**HEADERS, "Retry-After": RETRY_AFTER, "Location": LOCATION},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-eco2_access"},
            },
        },
    }


def _schemas(routes: list[Route]) -> dict[str, Any]:
    """Every model's schema by its name; those of queries and forms, which are taken apart, begin with "?"."""
    taken: set[type[BaseModel]] = set()
    whole: set[tuple[type[BaseModel], Any]] = {(ProblemDetails, "serialization")}
    for route in routes:
        if route.body is not None:
            whole.add((route.body, "validation"))
        if isinstance(route.answer, type) and issubclass(route.answer, Answer):
            whole.add((route.answer, "serialization"))
        if route.query is not None:
            taken.add(route.query)
        if route.upload is not None:
            taken.add(route.upload.form)
    ordered = sorted(whole, key=lambda pair: (pair[0].__module__, pair[0].__name__))
    names, definitions = models_json_schema(ordered, ref_template=REF)
    schemas: dict[str, Any] = dict(definitions["$defs"])
    for (shape, mode), ref in names.items():
        schemas[f"?{mode}:{shape.__module__}.{shape.__qualname__}"] = ref
    for shape in taken:
        own = shape.model_json_schema(ref_template=REF)
        schemas.update(own.pop("$defs", {}))
        schemas[f"?fields:{shape.__module__}.{shape.__qualname__}"] = own
    return schemas


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.domain}_{route.handler.__name__}",
        "tags": [route.domain],
        "summary": route.summary,
        "parameters": _parameters(route, schemas),
        "responses": _responses(route, schemas),
    }
    if route.handler.__doc__:
        operation["description"] = " ".join(route.handler.__doc__.split())
    body = _body(route, schemas)
    if body:
        operation["requestBody"] = body
    if route.auth != "public":
        signed_in: list[dict[str, list[str]]] = [{"token": []}, {"cookie": []}]
        operation["security"] = signed_in if route.auth == "user" else [*signed_in, {}]
    return operation


def _parameters(route: Route, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": part, "in": "path", "required": True, "schema": PARTS.get(part, UUID)} for part in route.parts
    ]
    if route.query is not None:
        fields = _fields(route.query, schemas)
        for name, schema in fields.get("properties", {}).items():
            schema = _without_null(schema)
            parameter = {"name": name, "in": "query", "required": name in fields.get("required", []), "schema": schema}
            if schema.get("type") == "array":
                parameter |= {"style": "form", "explode": False}
            found.append(parameter)
    if route.idempotent or route.own_key:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": key})
    if isinstance(route.answer, Media) and route.answer.stream:
        last = {"type": "string", "maxLength": 100, "pattern": "^[0-9]{1,20}-[0-9]{1,20}$"}
        found.append({"name": "Last-Event-ID", "in": "header", "required": False, "schema": last})
    return found


def _body(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if route.body is not None:
        content["application/json"] = {"schema": schemas[_key("validation", route.body)]}
    if route.upload is not None:
        content["multipart/form-data"] = {"schema": _form(route.upload, schemas)}
    if not content:
        return {}
    required = route.upload is not None or bool(
        route.body and any(f.is_required() for f in route.body.model_fields.values())
    )
    return {"required": required, "content": content}


def _form(upload: Upload, schemas: dict[str, Any]) -> dict[str, Any]:
    fields = _fields(upload.form, schemas)
    own = {name: _without_null(schema) for name, schema in fields.get("properties", {}).items()}
    return {
        "type": "object",
        "properties": {upload.file: {"type": "string", "contentMediaType": "application/octet-stream"}, **own},
        "required": [upload.file, *fields.get("required", [])],
        "additionalProperties": False,
    }


def _responses(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": route.summary, "headers": _headers("X-Request-Id", *_counted(route))}
    if isinstance(route.answer, Media):
        success["content"] = {route.answer.type: {"schema": EVENT if route.answer.stream else {"type": "string"}}}
    elif route.answer is not None:
        success["content"] = {"application/json": {"schema": schemas[_key("serialization", route.answer)]}}
    empty = {name: value for name, value in success.items() if name != "content"}
    responses = {str(status): empty if status == 204 else success for status in (route.status, *route.also)}
    if route.streams:
        responses["200"] = {
            "description": "The same as server-sent events",
            "content": {EVENTS.type: {"schema": EVENT}},
        }
    for status in (201, 202, 302):
        if str(status) in responses:
            headers = {**responses[str(status)]["headers"], **_headers("Location", "Retry-After")}
            responses[str(status)] = {**responses[str(status)], "headers": headers}
    if route.method == "GET" and route.adapter is not None and 200 in (route.status, *route.also):
        responses["304"] = {"description": "As the client has it (If-None-Match)"}
    for kind in route.refusals:
        _refusal(responses, kind)
    return dict(sorted(responses.items()))


def _refusal(responses: dict[str, Any], kind: type[Problem]) -> None:
    status = str(kind.status)
    problem = {PROBLEM: {"schema": {"$ref": REF.format(model="ProblemDetails")}}}
    if status in responses:  # a status that also a proper answer may have
        responses[status] = {**responses[status], "content": {**responses[status].get("content", {}), **problem}}
        return
    responses[status] = {"description": kind.title, "content": problem, "headers": _headers("X-Request-Id")}
    if status in ("429", "503"):
        responses[status]["headers"] |= _headers("Retry-After")


def _fields(shape: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schemas[_key("fields", shape)]
    return found


def _key(mode: str, shape: type[BaseModel]) -> str:
    return f"?{mode}:{shape.__module__}.{shape.__qualname__}"


def _counted(route: Route) -> tuple[str, ...]:
    return () if route.counted == "none" else ("RateLimit", "RateLimit-Policy")


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not; its null is the absence, which no client can send."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**kinds[0], **rest}
