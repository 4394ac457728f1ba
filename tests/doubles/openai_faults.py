"""What can go wrong, and the plan of when it does. Faults strike valid requests only: a bad one is refused first."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from .openai_errors import ApiError
from .openai_requests import ModelRequest

When = Callable[[ModelRequest], bool]

Kind = Literal[
    "latency",
    "hang",
    "http_error",
    "malformed_json",
    "not_a_response",
    "output_text",
    "output_malformed",
    "output_wrong_types",
    "output_unknown_enum",
    "refusal",
    "incomplete",
    "response_failed",
    "stream_error",
    "connection_closed",
    "body_cut",
    "stream_cut",
    "slow_drip",
]


def has_image(request: ModelRequest) -> bool:
    return bool(request.images)


WHEN: dict[str, When] = {
    "vision": has_image,
    "answer": lambda request: not request.images,
    "responses": lambda request: request.endpoint == "responses",
    "chat": lambda request: request.endpoint == "chat",
    "stream": lambda request: request.stream,
}


@dataclass(frozen=True)
class Fault:
    """One fault, to be made by its class method. Every one strikes `after_s` seconds after the request came."""

    kind: Kind
    after_s: float = 0.0
    status: int = 500
    code: str | None = None
    retry_after_s: float | None = None
    text: str = ""
    reason: Literal["max_output_tokens", "content_filter"] = "max_output_tokens"
    fraction: float = 0.5
    events: int = 4
    chunk_bytes: int = 16
    pause_s: float = 0.02

    @classmethod
    def latency(cls, seconds: float) -> "Fault":
        """The answer comes, `seconds` later than it would."""
        return cls("latency", after_s=seconds)

    @classmethod
    def hang(cls) -> "Fault":
        """No byte of an answer until the client closes the connection."""
        return cls("hang")

    @classmethod
    def too_many_requests(cls, retry_after_s: float | None = 1.0) -> "Fault":
        """429 `rate_limit_exceeded`, with ``retry-after`` (seconds) and ``retry-after-ms`` unless None."""
        return cls("http_error", status=429, code="rate_limit_exceeded", retry_after_s=retry_after_s)

    @classmethod
    def insufficient_quota(cls) -> "Fault":
        """429 that waiting does not mend."""
        return cls("http_error", status=429, code="insufficient_quota")

    @classmethod
    def server_error(cls, status: int = 500, after_s: float = 0.0) -> "Fault":
        """500 and 503 in OpenAI's shape; 502 and 504 as the HTML of the proxy before it."""
        return cls("http_error", status=status, after_s=after_s)

    @classmethod
    def malformed_json(cls) -> "Fault":
        """200 whose body, of the promised length, is no JSON (in a stream: an event's data)."""
        return cls("malformed_json")

    @classmethod
    def not_a_response(cls) -> "Fault":
        """200 whose body is JSON, but no response object (in a stream: an event's data)."""
        return cls("not_a_response")

    @classmethod
    def output_text(cls, text: str) -> "Fault":
        """A good response whose output is `text`, whatever schema was asked for."""
        return cls("output_text", text=text)

    @classmethod
    def output_malformed(cls) -> "Fault":
        """The output breaks off in the middle of its JSON, though its status is completed."""
        return cls("output_malformed")

    @classmethod
    def output_wrong_types(cls) -> "Fault":
        """The output is JSON with values of types that the schema does not allow."""
        return cls("output_wrong_types")

    @classmethod
    def output_unknown_enum(cls) -> "Fault":
        """The output has a value that the schema's enum does not list."""
        return cls("output_unknown_enum")

    @classmethod
    def refusal(cls, text: str = "I'm sorry, but I can't help with that.") -> "Fault":
        """The model declines: content of type refusal."""
        return cls("refusal", text=text)

    @classmethod
    def incomplete(cls, reason: Literal["max_output_tokens", "content_filter"] = "max_output_tokens") -> "Fault":
        """Status incomplete (chat: finish reason length or content_filter); the output stops half way."""
        return cls("incomplete", reason=reason)

    @classmethod
    def response_failed(cls) -> "Fault":
        """200 with status failed, in a stream response.failed. Chat has no such thing and answers 500."""
        return cls("response_failed")

    @classmethod
    def stream_error(cls, events: int = 4) -> "Fault":
        """An error event after `events` events. Without a stream: as `response_failed`."""
        return cls("stream_error", events=events)

    @classmethod
    def connection_closed(cls, after_s: float = 0.0) -> "Fault":
        """The connection closes before any byte of the answer."""
        return cls("connection_closed", after_s=after_s)

    @classmethod
    def body_cut(cls, fraction: float = 0.5) -> "Fault":
        """The connection closes after this fraction of the promised body, or of a stream's events."""
        return cls("body_cut", fraction=fraction)

    @classmethod
    def stream_cut(cls, events: int = 4) -> "Fault":
        """The connection closes after `events` events, in the middle of the next. Without a stream: as `body_cut`."""
        return cls("stream_cut", events=events)

    @classmethod
    def slow_drip(cls, chunk_bytes: int = 16, pause_s: float = 0.02) -> "Fault":
        """The whole answer, `chunk_bytes` at a time with `pause_s` seconds between."""
        return cls("slow_drip", chunk_bytes=chunk_bytes, pause_s=pause_s)

    def as_error(self) -> ApiError:
        """What a fault of kind http_error answers."""
        if self.code == "insufficient_quota":
            message = "You exceeded your current quota, please check your plan and billing details."
            return ApiError(message, code=self.code, status=429, type="insufficient_quota")
        if self.status == 429:
            wait = self.retry_after_s
            headers = {} if wait is None else {"retry-after": f"{wait:g}", "retry-after-ms": f"{wait * 1000:.0f}"}
            message = "Rate limit reached for requests."
            return ApiError(message, code=self.code, status=429, type="requests", headers=headers)
        if self.status == 503:
            message = "The server is currently overloaded with other requests."
            return ApiError(message, status=503, type="service_unavailable_error", code="server_overloaded")
        message = "The server had an error while processing your request."
        return ApiError(message, status=self.status, type="server_error", code="server_error")


@dataclass
class PlannedFault:
    """A fault for the next `times` requests that match, or for each with a probability."""

    fault: Fault
    times: int | None
    when: When
    probability: float
    dice: random.Random = field(default_factory=random.Random)

    def strikes(self, request: ModelRequest) -> bool:
        if self.times == 0 or not self.when(request) or self.dice.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


def draw(planned: list[PlannedFault], request: ModelRequest) -> tuple[float, Fault | None]:
    """Seconds of latency added, and the first other fault that strikes. Latency adds up with any fault."""
    latency_s, struck = 0.0, None
    for plan in planned:
        if plan.fault.kind == "latency":
            latency_s += plan.fault.after_s if plan.strikes(request) else 0.0
        elif struck is None and plan.strikes(request):
            struck = plan.fault
    return latency_s, struck


def describe(fault: Fault | None) -> str | None:
    """A fault's name for the record: its kind, and the status of an HTTP error."""
    if fault is None:
        return None
    return f"{fault.kind}_{fault.status}" if fault.kind == "http_error" else fault.kind
