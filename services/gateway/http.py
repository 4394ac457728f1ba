"""A request as the handlers see it, and the answers they give."""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any

import eventlet
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from services.kernel.config import Config
from services.kernel.errors import Invalid, RequestTimeout, TooLarge, Unauthenticated, UnsupportedMedia

BODY_S = 30.0  # seconds that a client may take to send its body
FORM_OVERHEAD = 64 * 1024  # bytes that a form may have around its file
JSON_LIMIT = 64 * 1024  # bytes

KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass
class Call:
    """One request: the RPC proxies by domain (`services`), what else the edge can do, and who asks."""

    request: Request
    services: Any
    settings: Config

    def viewer(self) -> str | None:
        """The id of the user whose bearer token came along, None without one. Raises `Unauthenticated`."""
        header = self.request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("token_invalid", "The Authorization header must read: Bearer <access token>.")
        user_id: str = self.services.auth.verify(token.strip())["user_id"]
        return user_id

    def user(self) -> str:
        """The id of the user who asks. Raises `Unauthenticated` without one."""
        viewer = self.viewer()
        if viewer is None:
            raise Unauthenticated("token_missing", "Sign in first: this needs an access token.")
        return viewer

    def idempotency(self, viewer: str | None) -> tuple[str, str | None]:
        """Whose keys these are, and the key. Raises `Invalid` for a key that is none."""
        key = self.request.headers.get("Idempotency-Key")
        if key is not None and not KEY.fullmatch(key):
            raise Invalid("idempotency_key_invalid", "An Idempotency-Key is 1 to 255 visible ASCII characters.")
        address = hashlib.sha256((self.request.remote_addr or "").encode()).hexdigest()[:32]
        return viewer or f"address:{address}", key

    def upload(self, field: str) -> tuple[bytes, str | None, dict[str, str]]:
        """The file in the form's `field`: its bytes, its declared type; and the form's other fields."""
        if self.request.mimetype != "multipart/form-data":
            raise UnsupportedMedia(
                "content_type_unsupported", f"Send multipart/form-data with a file in the field {field!r}."
            )
        self.request.max_content_length = self.settings.images.max_bytes + FORM_OVERHEAD
        self.request.max_form_parts = 16
        try:
            form, files = self._in_time(lambda: (self.request.form, self.request.files))
        except RequestEntityTooLarge:
            limit = self.settings.images.max_bytes
            raise TooLarge("image_too_large", f"The upload is too large; at most {limit} bytes are taken.") from None
        if field not in files:
            raise Invalid("field_missing", f"The form has no file in the field {field!r}.")
        file = files[field]
        fields: dict[str, str] = form.to_dict()
        return file.read(), file.headers.get("Content-Type"), fields

    def json(self) -> dict[str, Any]:
        """The body, a JSON object. Raises `Invalid` or `UnsupportedMedia`."""
        if self.request.mimetype != "application/json":
            raise UnsupportedMedia("content_type_unsupported", "Send application/json.")
        self.request.max_content_length = JSON_LIMIT
        raw = self._in_time(lambda: self.request.get_data(cache=False))
        try:
            body = json.loads(raw, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise Invalid("json_invalid", "The body is no valid JSON.") from None
        if not isinstance(body, dict):
            raise Invalid("json_invalid", "The body must be a JSON object.")
        return body

    def flag(self, name: str) -> bool:
        """``true`` or ``false`` from the query, False without it. Raises `Invalid`."""
        value = self.request.args.get(name, "false")
        if value not in ("true", "false"):
            raise Invalid("parameter_wrong", f"The parameter {name} must be true or false.")
        return value == "true"

    def fields(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
        """The JSON body with exactly these fields. Raises `Invalid` naming what is missing or unknown."""
        body = self.json()
        faults = [{"field": name, "message": "is missing"} for name in required if name not in body]
        faults += [{"field": name[:60], "message": "is unknown"} for name in set(body) - {*required, *optional}]
        if faults:
            raise Invalid("fields_wrong", "The body has missing or unknown fields.", faults)
        return body

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number from the query. Raises `Invalid`."""
        text = self.request.args.get(name)
        if text is None and default is not None:
            return default
        try:
            value = float(text or "")
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise Invalid("parameter_wrong", f"The parameter {name} must be a number.")
        return value

    def whole(self, name: str, default: int) -> int:
        """A whole number from the query. Raises `Invalid`."""
        value = self.number(name, default)
        if value != int(value):
            raise Invalid("parameter_wrong", f"The parameter {name} must be a whole number.")
        return int(value)

    def text(self, name: str) -> str:
        """A parameter of the query that must be there. Raises `Invalid`."""
        value = self.request.args.get(name)
        if value is None:
            raise Invalid("parameter_missing", f"The parameter {name} is missing.")
        return value

    def choices(self, name: str) -> list[str] | None:
        """A comma-separated list from the query, None without it."""
        value = self.request.args.get(name)
        return None if value is None else [part.strip() for part in value.split(",") if part.strip()]

    def _in_time(self, read: Any) -> Any:
        try:
            with eventlet.Timeout(BODY_S):
                return read()
        except eventlet.Timeout:
            raise RequestTimeout("body_too_slow", f"The body did not arrive within {BODY_S:g} seconds.") from None
        except HTTPException:
            raise
        except (ValueError, OSError):
            raise Invalid("body_unreadable", "The body ended early or cannot be read.") from None


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer that caches do not keep."""
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, status, {"Cache-Control": "no-store", **(headers or {})}, content_type="application/json")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
