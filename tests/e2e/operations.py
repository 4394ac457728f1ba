"""Every operation that the API's document names, and how a request is told to be one of them."""

import re
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, order=True)
class Operation:
    method: str
    path: str

    @property
    def parts(self) -> list[str]:
        """The variable parts of the path."""
        return re.findall(r"{(\w+)}", self.path)

    def at(self, values: dict[str, Any]) -> str:
        """The path with its parts filled in."""
        return self.path.format(**values)

    def matches(self, method: str, path: str) -> bool:
        return method == self.method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", self.path), path) is not None


def operations(client: httpx.Client) -> list[Operation]:
    """What ``/openapi.json`` declares."""
    paths = client.get("/openapi.json").json()["paths"]
    return sorted(Operation(method.upper(), path) for path, methods in paths.items() for method in methods)


class Visited:
    """Remembers which operations a client has used, by an event hook."""

    def __init__(self, all_operations: list[Operation]) -> None:
        self._all = all_operations
        self.operations: set[Operation] = set()

    def __call__(self, response: httpx.Response) -> None:
        method, path = response.request.method, response.request.url.path
        exact = [operation for operation in self._all if operation.matches(method, path)]
        # /api/waste/health is written as itself nowhere: the one with the fewest variable parts is meant
        if exact and response.status_code < 400:
            self.operations.add(min(exact, key=lambda operation: len(operation.parts)))
