"""The errors that a caller may see. Each has a stable code; the gateway maps the class to a status.

They travel through RPC by class and arguments, so each takes just a code, a text, and a list of
``{"field", "message"}`` dicts, all of which must be fit for a stranger's eyes.
"""


class Problem(Exception):
    """An answer that is not the wanted one, in words that help the caller.

    `code` is stable and meant for programs, `detail` for people.
    """

    status = 500
    title = "Internal error"

    def __init__(self, code: str, detail: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(code, detail, errors or [])
        self.code = code
        self.detail = detail
        self.errors = errors or []

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class Invalid(Problem):
    status = 400
    title = "The request cannot be read"


class Unauthenticated(Problem):
    status = 401
    title = "Sign in first"


class Forbidden(Problem):
    status = 403
    title = "Not allowed"


class NotFound(Problem):
    status = 404
    title = "Not found"


class MethodNotAllowed(Problem):
    status = 405
    title = "Method not allowed"


class RequestTimeout(Problem):
    status = 408
    title = "The request took too long to arrive"


class Conflict(Problem):
    status = 409
    title = "Conflict"


class TooLarge(Problem):
    status = 413
    title = "Too large"


class UnsupportedMedia(Problem):
    status = 415
    title = "Unsupported media type"


class Unprocessable(Problem):
    status = 422
    title = "The request cannot be processed"


class TooManyRequests(Problem):
    status = 429
    title = "Too many requests"


class Unavailable(Problem):
    """A part that the answer needs is down or too busy: the caller may try again."""

    status = 503
    title = "Temporarily unavailable"
    retry_after_s = 5


KINDS: tuple[type[Problem], ...] = (
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    Conflict,
    TooLarge,
    UnsupportedMedia,
    Unprocessable,
    TooManyRequests,
    Unavailable,
)
