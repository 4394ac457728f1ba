"""OpenAI's error answers: `{"error": {"message", "type", "param", "code"}}` with a status."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ApiError(Exception):
    """A request that is refused. `param` is a path into the body, such as ``input[0].content[1].detail``."""

    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400
    type: str = "invalid_request_error"
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class ScriptError(AssertionError):
    """What a test programmed cannot be: an output that breaks the schema, a fault that does not fit the request."""


def wrong_key(key: str) -> ApiError:
    shown = f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 12 else "*" * len(key)
    message = f"Incorrect API key provided: {shown}. You can find your API key at the stand-in server's `api_key`."
    return ApiError(message, code="invalid_api_key", status=401)


def no_key() -> ApiError:
    message = "You didn't provide an API key. Provide it in an Authorization header: Authorization: Bearer YOUR_KEY."
    return ApiError(message, status=401)


def unknown_route(method: str, path: str) -> ApiError:
    return ApiError(f"Invalid URL ({method} {path})", status=404)


def unknown_model(model: str) -> ApiError:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(message, param="model", code="model_not_found", status=404)


def missing(param: str) -> ApiError:
    return ApiError(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def unknown_parameter(param: str) -> ApiError:
    return ApiError(f"Unknown parameter: '{param}'.", param, "unknown_parameter")


def invalid_value(param: str, message: str) -> ApiError:
    return ApiError(f"Invalid '{param}': {message}", param, "invalid_value")


def not_played(param: str) -> ApiError:
    """The real service knows it, this double does not: it says so instead of playing along."""
    message = f"'{param}' is a parameter of the real service that this stand-in does not play."
    return ApiError(message, param, "not_supported_by_double")
