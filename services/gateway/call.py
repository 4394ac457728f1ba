"""A request as the handlers see it, and how its body is read: within limits of size and time, believing nothing."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar

import eventlet
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from services.gateway.route import Route
from services.kernel.arguments import refusal
from services.kernel.config import Config
from services.kernel.errors import Invalid, RequestTimeout, TooLarge, Unauthenticated, UnsupportedMedia

FORM_OVERHEAD = 64 * 1024  # bytes that a form may have around its file
JSON_LIMIT = 64 * 1024  # bytes
HASHED_AT_ONCE = 256 * 1024  # bytes

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)
class File:
    """An uploaded file as it came, and the media type that its sender says it has.

    Read it late and let it go early: until it is read, a large one is on the disk.
    """

    stream: IO[bytes]
    declared_type: str | None

    def read(self) -> bytes:
        """All of it, from the beginning."""
        self.stream.seek(0)
        return self.stream.read()

    def feed(self, digest: "hashlib._Hash") -> None:
        """Hash it, without holding all of it in memory."""
        self.stream.seek(0)
        while piece := self.stream.read(HASHED_AT_ONCE):
            digest.update(piece)


@dataclass(frozen=True)
class Reply:
    """An answer with a status or headers of its own."""

    value: Any
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Streamed:
    """A stream, and the answer that a repeated request with the same Idempotency-Key gets instead of it."""

    stream: Response
    repeated: Reply


@dataclass
class Call:
    """One request at a known route: the RPC proxies by domain (`services`), who asks, and from where.

    `viewer` is the id of the user whose token came along, None without one; `session` what that token says of itself.
    """

    request: Request
    route: Route
    services: Any
    settings: Config
    address: str
    trace_id: str
    viewer: str | None = None
    session: dict[str, Any] = field(default_factory=dict)

    @property
    def user(self) -> str:
        """The id of the user who asks; for routes whose `auth` is "user"."""
        if self.viewer is None:
            raise Unauthenticated("token_missing", "Sign in first: this needs an access token.")
        return self.viewer

    @property
    def client(self) -> dict[str, str]:
        """Who is at the other end, for the throttling of sign-ins and the audit log."""
        return {"address": self.address, "user_agent": (self.request.user_agent.string or "")[:200]}

    def arguments(self, parts: dict[str, str]) -> dict[str, Any]:
        """What the route's handler is called with. Raises `Invalid`, `Unprocessable`, `TooLarge` …"""
        found: dict[str, Any] = dict(parts)
        if self.route.query is not None:
            found["query"] = parse(self.route.query, self._query())
        if self.route.upload is not None and self.request.mimetype == "multipart/form-data":
            found["file"], fields = self._form(self.route.upload.file)
            found["form"] = parse(self.route.upload.form, fields)
            if self.route.body is not None:
                found["body"] = None
        elif self.route.body is not None:
            found["body"] = parse(self.route.body, self._json())
            if self.route.upload is not None:
                found["file"] = found["form"] = None
        elif self.route.upload is not None:
            name = self.route.upload.file
            raise UnsupportedMedia(
                "content_type_unsupported", f"Send multipart/form-data with a file in the field {name!r}."
            )
        return found

    def _query(self) -> dict[str, str]:
        return single(self.request.args.lists(), "parameter")

    def _form(self, name: str) -> tuple[File, dict[str, str]]:
        limit = self.settings.images.max_bytes
        self.request.max_content_length = limit + FORM_OVERHEAD
        self.request.max_form_parts = 16
        try:
            form, files = self._in_time(lambda: (self.request.form, self.request.files))
        except RequestEntityTooLarge:
            raise TooLarge("image_too_large", f"The upload is too large; at most {limit} bytes are taken.") from None
        if name not in files:
            raise Invalid("field_missing", f"The form has no file in the field {name!r}.")
        file = files[name]
        return File(file.stream, file.headers.get("Content-Type")), single(form.lists(), "field")

    def _json(self) -> dict[str, Any]:
        length = self.request.content_length
        if length == 0 or (length is None and "Transfer-Encoding" not in self.request.headers):
            return {}
        if self.request.mimetype != "application/json":
            raise UnsupportedMedia("content_type_unsupported", "Send application/json.")
        self.request.max_content_length = JSON_LIMIT
        raw = self._in_time(lambda: self.request.get_data(cache=True))
        try:
            body = json.loads(raw, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_distinct)
            json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError):
            raise Invalid(
                "json_invalid", "The body is no valid JSON: broken, a field twice, or half a character."
            ) from None
        if not isinstance(body, dict):
            raise Invalid("json_invalid", "The body must be a JSON object.")
        return body

    def _in_time(self, read: Any) -> Any:
        seconds = self.settings.gateway.body_s
        try:
            with eventlet.Timeout(seconds):
                return read()
        except eventlet.Timeout:
            raise RequestTimeout("body_too_slow", f"The body did not arrive within {seconds:g} seconds.") from None
        except HTTPException:
            raise
        except (ValueError, OSError):
            raise Invalid("body_unreadable", "The body ended early or cannot be read.") from None


def parse(shape: type[Shape], value: object) -> Shape:
    """`value` as `shape`. Raises `Unprocessable` ``invalid_arguments``, naming each field."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise refusal(error) from None


def single(pairs: Any, kind: str) -> dict[str, str]:
    """Names with their one value. Raises `Invalid` for a name that comes twice: which one would count?"""
    found = {}
    for name, values in pairs:
        if len(values) != 1:
            raise Invalid("repeated", f"The {kind} {name[:60]!r} comes more than once.")
        found[name] = values[0]
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field comes twice")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("too large a number")
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
