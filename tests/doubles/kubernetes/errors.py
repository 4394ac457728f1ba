"""What the API server says when it refuses: the Status object that kubectl and helm read."""

from typing import Any

Object = dict[str, Any]


class Refusal(Exception):
    """An answer other than success: an HTTP code and the reason that clients decide by."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Object | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> Object:
        """The body: a Status of apiVersion v1."""
        details = dict(self.details or {})
        if self.retry_after_s is not None:
            details["retryAfterSeconds"] = self.retry_after_s
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **({"details": details} if details else {}),
            "code": self.code,
        }


def not_found(resource: str, name: str) -> Refusal:
    """``resource`` with its group, as messages name it: deployments.apps."""
    return Refusal(404, "NotFound", f'{resource} "{name}" not found', details=_of(resource, name))


def no_such_path() -> Refusal:
    return Refusal(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: str, name: str) -> Refusal:
    return Refusal(409, "AlreadyExists", f'{resource} "{name}" already exists', details=_of(resource, name))


def conflict(resource: str, name: str, why: str | None = None) -> Refusal:
    said = why or "the object has been modified; please apply your changes to the latest version and try again"
    return Refusal(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource} "{name}": {said}',
        details=_of(resource, name),
    )


def bad_request(message: str) -> Refusal:
    return Refusal(400, "BadRequest", message)


def forbidden(resource: str, name: str, why: str) -> Refusal:
    return Refusal(403, "Forbidden", f'{resource} "{name}" is forbidden: {why}', details=_of(resource, name))


def invalid(kind: str, group: str, name: str, causes: list[tuple[str, str]]) -> Refusal:
    """422 with one cause for each (field, message)."""
    parts = [f"{field}: {message}" for field, message in causes]
    said = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    qualified = f"{kind}.{group}" if group else kind
    return Refusal(
        422,
        "Invalid",
        f'{qualified} "{name}" is invalid: {said}',
        details={
            "name": name,
            "group": group,
            "kind": kind,
            "causes": [
                {"reason": "FieldValueInvalid", "message": message, "field": field} for field, message in causes
            ],
        },
    )


def _of(resource: str, name: str) -> Object:
    plural, _, group = resource.partition(".")
    return {"name": name, "kind": plural, **({"group": group} if group else {})}
