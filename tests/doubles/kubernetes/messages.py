"""A request and its answer, once their transport is off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.doubles.kubernetes import errors
from tests.doubles.kubernetes.protobuf import MEDIA_TYPE as PROTOBUF
from tests.doubles.kubernetes.protobuf import decoded
from tests.doubles.kubernetes.store import Object


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def manager(self) -> str:
        """The field manager: named, or the first word of the user agent."""
        return self.query.get("fieldManager") or self.headers.get("user-agent", "").partition("/")[0] or "unknown"

    @property
    def dry(self) -> bool:
        return self.query.get("dryRun", "") == "All"

    def read(self) -> Object:
        """The body as an object, whatever its form. Raises `Refusal`."""
        kind = self.headers.get("content-type", "application/json").partition(";")[0]
        try:
            read = decoded(self.body) if kind == PROTOBUF else _read_text(self.body, kind)
        except (ValueError, yaml.YAMLError) as error:
            raise errors.bad_request(f"error decoding the body: {error}") from error
        if not isinstance(read, dict):
            raise errors.bad_request("the body is no object")
        return read

    def options(self) -> Object:
        """The DeleteOptions, from the body and the query."""
        found: Object = self.read() if self.body else {}
        if "propagationPolicy" in self.query:
            found["propagationPolicy"] = self.query["propagationPolicy"]
        if "gracePeriodSeconds" in self.query:
            found["gracePeriodSeconds"] = int(self.query["gracePeriodSeconds"])
        return found


@dataclass(frozen=True)
class Answer:
    """One answer: a JSON value, a text, bytes, or a stream of JSON lines."""

    code: int = 200
    value: Any = None
    text: str | None = None
    content: bytes | None = None
    stream: Iterator[Object | None] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _read_text(body: bytes, kind: str) -> Any:
    return yaml.safe_load(body) if "yaml" in kind else json.loads(body)
