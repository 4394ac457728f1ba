"""A line of the route table: all that is declared about an address, from which it is served and documented."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import TypeAdapter

from services.gateway.shapes import Answer, Body, Query
from services.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    RequestTimeout,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    UnsupportedMedia,
)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Scope = Literal["public", "optional", "user"]
Limit = Literal["none", "read", "search", "write", "upload", "sign_in", "mail", "chat"]

SAFE = ("GET", "HEAD", "OPTIONS")
PART = re.compile(r"<(\w+)>")


@dataclass(frozen=True)
class Media:
    """An answer that is no JSON: its media type, and whether it goes on until its end comes."""

    type: str
    stream: bool = False


EVENTS = Media("text/event-stream", stream=True)
TEXT = Media("text/plain")
HTML = Media("text/html")


@dataclass(frozen=True)
class Upload:
    """A multipart form with a file in the field `file`; `form` has the other fields."""

    file: str
    form: type[Query]


@dataclass(frozen=True)
class Route:
    """One method at one path.

    `handler` is called with the `Call`, then by name with what is declared: ``query``, ``body``, and the variable
    parts of `path`. What it returns must fit `answer`; None means that there is no body.

    `auth`: who may call: everybody ("public"), everybody with or without a token ("optional"), users only ("user").
    `limit`: which rate limit of the configuration counts it; by default ``read`` or ``write``, as the method is.
    `body` and `upload` together: either may come, as its content type says; no body at all is an empty object.
    `streams`: the same address may also answer with server-sent events, where a client accepts them.
    `kept_s`: seconds that any cache may keep the answer.
    `idempotent`: takes an Idempotency-Key; `own_key`: too, but the domain itself keeps it, with what it has made.
    `also`: further statuses of a success. `problems`: errors besides those that follow from the declaration.
    `private`: works, but is not for clients and stands in no document.
    """

    method: Method
    path: str
    handler: Callable[..., Any]
    summary: str
    query: type[Query] | None = None
    body: type[Body] | None = None
    upload: Upload | None = None
    answer: type[Answer] | Media | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    streams: bool = False
    auth: Scope = "public"
    limit: Limit | None = None
    kept_s: int = 0
    idempotent: bool = False
    own_key: bool = False
    problems: tuple[type[Problem], ...] = ()
    private: bool = False

    @property
    def domain(self) -> str:
        """``waste`` of ``/api/waste/scans``: the bulkhead it is behind, the tag it has in the document."""
        parts = self.path.split("/")
        name = parts[2] if parts[1] == "api" and len(parts) > 2 else "gateway"
        return name if name.isalpha() else "gateway"

    @property
    def counted(self) -> Limit:
        return self.limit or ("read" if self.method in SAFE else "write")

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The variable parts of the path, by name."""
        return tuple(PART.findall(self.path))

    @cached_property
    def adapter(self) -> TypeAdapter[Any] | None:
        return None if self.answer is None or isinstance(self.answer, Media) else TypeAdapter(self.answer)

    @cached_property
    def refusals(self) -> tuple[type[Problem], ...]:
        """Every error that a client may get here; what falls outside them is a fault of ours."""
        kinds: set[type[Problem]] = {Invalid, TooManyRequests, Problem, Unavailable, *self.problems}
        if self.auth != "public":
            kinds.add(Unauthenticated)
        if self.method not in SAFE:
            kinds.add(Forbidden)  # a browser's request from elsewhere
        if self.parts:
            kinds.add(NotFound)
        if self.query or self.body or self.upload or self.parts:
            kinds.add(Unprocessable)
        if self.body or self.upload:
            kinds |= {RequestTimeout, TooLarge, UnsupportedMedia}
        if self.idempotent or self.own_key:
            kinds |= {Conflict, Unprocessable}
        return tuple(sorted(kinds, key=lambda kind: kind.status))
