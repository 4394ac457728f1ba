"""Whether what a service answers is exactly what the gateway declares: nothing left out, nothing undeclared."""

import json
from typing import Any

from nameko.testing.services import entrypoint_hook
from pydantic import TypeAdapter

from services.gateway.shapes import Answer
from tests.services.running import Running


def answer_of(service: Running, method: str, *args: object, **kwargs: object) -> Any:
    """What an entrypoint answers, as it arrives over RPC."""
    with entrypoint_hook(service.container, method) as call:
        return json.loads(json.dumps(call(*args, **kwargs)))


def fits(shape: type[Answer], value: Any) -> None:
    """Fails where `value` has a field that `shape` does not have, or lacks one that it has."""
    told = TypeAdapter(shape).validate_python(value)
    assert json.loads(told.model_dump_json(by_alias=True)) == value
