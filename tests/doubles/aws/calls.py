"""A request as the call that it is: which service, which region, which action, with which parameters."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import botocore.loaders

# The name in a signature -> the folder of botocore's model.
_MODELS = {"s3": "s3", "cloudfront": "cloudfront", "route53": "route53"}
_READS = ("Describe", "List", "Get", "Head", "Lookup", "Batch")
# Told from others by a header alone; the others are what is meant here.
_BY_HEADER = frozenset({"CopyObject", "UploadPartCopy", "ListDirectoryBuckets"})


@dataclass(frozen=True)
class Call:
    """``protocol`` is how its errors look: ``ec2``, ``query``, ``json`` or ``rest``."""

    service: str
    region: str
    action: str
    protocol: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""

    @property
    def changes(self) -> bool:
        """Whether it is to change something."""
        return not self.action.startswith(_READS)

    @property
    def name(self) -> str:
        """``ec2:DeleteVpc``, as IAM would write it."""
        return f"{self.service}:{self.action}"


def body_of(environ: dict[str, Any]) -> bytes:
    """The whole body; it can be read again by who comes next."""
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        body: bytes = environ["wsgi.input"].read()
    else:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ.pop("wsgi.input_terminated", None)
    return body


def call_of(environ: dict[str, Any], body: bytes) -> Call:
    """Which call this is. A request that nobody signed is ``none``."""
    match = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
    if match is None:
        return Call("none", "", environ["PATH_INFO"], "rest", {}, body)
    region, service = match[1], match[2]
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return Call(service, region, target.rpartition(".")[2], "json", json.loads(body or b"{}"), body)
    if service in _MODELS:
        action, parameters = _rest(
            service, environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        )
        return Call(service, region, action, "rest", parameters, body)
    parameters = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    protocol = "ec2" if service == "ec2" else "query"
    return Call(service, region, parameters.get("Action", "?"), protocol, parameters, body)


@cache
def _routes(service: str) -> list[tuple[str, str, re.Pattern[str], frozenset[str]]]:
    """Action, method, path and the query keys that tell it from others, the most exact first."""
    model = botocore.loaders.Loader().load_service_model(_MODELS[service], "service-2")
    found = []
    for action, operation in model["operations"].items():
        if action in _BY_HEADER:
            continue
        path, _, query = operation["http"]["requestUri"].partition("?")
        pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", re.escape(path))
        keys = frozenset(each for each in query.split("&") if each) | _needed(model, operation)
        found.append((action, operation["http"]["method"], re.compile(pattern.rstrip("/") + "/?"), keys))
    return sorted(found, key=lambda each: (-len(each[3]), each[2].pattern.count("(?P"), -len(each[2].pattern)))


def _needed(model: dict[str, Any], operation: dict[str, Any]) -> frozenset[str]:
    """The query keys without which it would be another action."""
    shape = model["shapes"].get(operation.get("input", {}).get("shape"), {})
    members = {name: shape["members"][name] for name in shape.get("required", ())}
    return frozenset(each["locationName"] for each in members.values() if each.get("location") == "querystring")


def _rest(service: str, method: str, path: str, query: str) -> tuple[str, dict[str, str]]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    said = {f"{key}={value}" if value else key for key, value in given.items()} | set(given)
    for action, wanted, pattern, keys in _routes(service):
        if method == wanted and keys <= said and (match := pattern.fullmatch(unquote(path))):
            return action, {**given, **match.groupdict()}
    return f"{method} {path}", given
