"""Programs the double over HTTP, where it runs as its own process: the addresses under /_control.

POST /_control/faults    {"fault": "too_many_requests", "arguments": {"retry_after_s": 1}, "times": 2, "when": "vision"}
POST /_control/replies   {"output": {"item": "mug"}, "when": "answer"}
POST /_control/latency   {"vision_s": 2.5, "answer_s": 4}
POST /_control/reset
GET  /_control/requests  {"in_flight", "in_flight_max", "requests": [the fields of RecordedRequest]}
"""

import dataclasses
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from .openai_faults import WHEN, Fault, When
from .openai_http import Exchange
from .openai_state import State

_FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)
WhenName = Literal["vision", "answer", "responses", "chat", "stream"]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class FaultOrder(_Order):
    """`fault` is the name of one of Fault's class methods, `arguments` what it takes."""

    fault: str
    arguments: dict[str, Any] = {}
    times: int | None = Field(None, ge=1)
    probability: float | None = Field(None, ge=0, le=1)
    seed: int = 0
    when: WhenName | None = None


class ReplyOrder(_Order):
    """`output` becomes the model's output text."""

    output: str | dict[str, Any] | list[Any]
    times: int | None = Field(None, ge=1)
    when: WhenName | None = None


class LatencyOrder(_Order):
    """Seconds until a model answers."""

    vision_s: float | None = Field(None, ge=0)
    answer_s: float | None = Field(None, ge=0)


def when_named(name: WhenName | None) -> When:
    return WHEN[name] if name else lambda _request: True


def plan_fault(
    state: State, fault: Fault, times: int | None, when: When | None, probability: float | None, seed: int
) -> None:
    """For the next request unless `times` says otherwise; with a probability, until reset."""
    if times is None and probability is None:
        times = 1
    odds = 1.0 if probability is None else probability
    state.add_fault(fault, times, when or when_named(None), odds, seed)


def _fault(name: str, arguments: dict[str, Any]) -> Fault:
    maker = Fault.__dict__.get(name)
    if not isinstance(maker, classmethod):
        raise ValueError(f"no such fault: {name}")
    made = getattr(Fault, name)(**arguments)
    return _FAULT.validate_json(json.dumps(dataclasses.asdict(made)), strict=True)


class Control:
    """Answers /_control/…; errors of the order itself are 400 with what is wrong."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def handle(self, exchange: Exchange) -> None:
        try:
            status, answer = 200, self._act(exchange.request.method, exchange.request.path, exchange.take_body())
        except (ValidationError, ValueError, TypeError) as error:
            status, answer = 400, {"error": str(error)}
        await exchange.answer(status, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    def _act(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        match method, path.removeprefix("/_control/"):
            case "GET", "requests":
                return self._state.as_json()
            case "POST", "reset":
                self._state.reset()
            case "POST", "faults":
                order = FaultOrder.model_validate_json(body)
                fault = _fault(order.fault, order.arguments)
                plan_fault(self._state, fault, order.times, when_named(order.when), order.probability, order.seed)
            case "POST", "replies":
                reply = ReplyOrder.model_validate_json(body)
                self._state.add_reply(reply.output, when_named(reply.when), reply.times)
            case "POST", "latency":
                latency = LatencyOrder.model_validate_json(body)
                for name, seconds in latency.model_dump(exclude_none=True).items():
                    setattr(self._state, name, seconds)
            case _:
                raise ValueError(f"no such control: {method} {path}")
        return {}
