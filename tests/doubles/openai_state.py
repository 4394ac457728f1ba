"""What tests program into the double, and what it remembers. Shared by the tests' thread and the server's."""

import itertools
import json
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from . import native
from .openai_errors import ScriptError
from .openai_faults import Fault, PlannedFault, When, draw
from .openai_images import ImageInput
from .openai_requests import ModelRequest
from .openai_tools import Calls
from .openai_usage import PromptCache

KEPT_REQUESTS = 20_000

Output = str | dict[str, Any] | list[Any] | Calls
Outcome = Literal["in_progress", "answered", "refused", "fault", "client_gone", "script_error"]


@dataclass
class RecordedRequest:
    """One request as it came, and what became of it.

    Times are seconds of the machine's monotonic clock, the same in all processes. Image data is cut out of the body;
    `images` tells what it was. The Authorization header is kept out of `headers` (names in lower case).
    """

    number: int
    method: str
    path: str
    headers: dict[str, str]
    began_s: float
    ended_s: float | None = None
    body: Any = None
    kind: Literal["vision", "answer"] | None = None
    images: tuple[ImageInput, ...] = ()
    status: int | None = None
    outcome: Outcome = "in_progress"
    fault: str | None = None
    output: str | None = None
    error: dict[str, Any] | None = None


@dataclass
class _Reply:
    output: Output | Callable[[ModelRequest], Output]
    when: When
    times: int | None


@dataclass
class State:
    """Replies, faults and latencies to come; requests that were. Every method may be called from any thread."""

    models: tuple[str, ...]
    api_key: str
    vision_s: float = 0.0
    answer_s: float = 0.0
    _lock: Any = field(default_factory=native.original("threading").Lock)

    def __post_init__(self) -> None:
        self._defaults = (self.vision_s, self.answer_s)
        self._numbers = itertools.count(1)
        self.reset()

    def reset(self) -> None:
        """Forget replies, faults and records, and take the first latencies again. Running requests go on."""
        with self._lock:
            self.vision_s, self.answer_s = self._defaults
            self._replies: list[_Reply] = []
            self._faults: list[PlannedFault] = []
            self._records: deque[RecordedRequest] = deque(maxlen=KEPT_REQUESTS)
            self._running: set[int] = set()
            self.in_flight_max = 0
            self.script_errors: list[str] = []
            self.prompts = PromptCache()

    def add_reply(self, output: Output | Callable[[ModelRequest], Output], when: When, times: int | None) -> None:
        with self._lock:
            self._replies.append(_Reply(output, when, times))

    def add_fault(self, fault: Fault, times: int | None, when: When, probability: float, seed: int) -> None:
        dice = random.Random(seed)
        with self._lock:
            self._faults.append(PlannedFault(fault, times, when, probability, dice))

    def next_fault(self, request: ModelRequest) -> tuple[float, Fault | None]:
        with self._lock:
            return draw(self._faults, request)

    def next_output(self, request: ModelRequest) -> str | Calls | None:
        """The text or calls of the first programmed reply that fits; None when none does. Raises ScriptError."""
        with self._lock:
            reply = next((r for r in self._replies if r.times != 0 and r.when(request)), None)
            if reply is None:
                return None
            if reply.times is not None:
                reply.times -= 1
        try:
            output = reply.output(request) if callable(reply.output) else reply.output
            return output if isinstance(output, str | Calls) else json.dumps(output, ensure_ascii=False)
        except Exception as error:
            raise ScriptError(f"a programmed reply raised {type(error).__name__}: {error}") from error

    def begin(self, method: str, path: str, headers: Mapping[str, str]) -> RecordedRequest:
        shown = {name: value for name, value in headers.items() if name != "authorization"}
        with self._lock:
            record = RecordedRequest(next(self._numbers), method, path, shown, time.monotonic())
            self._records.append(record)
            self._running.add(record.number)
            self.in_flight_max = max(self.in_flight_max, len(self._running))
        return record

    def end(self, record: RecordedRequest) -> None:
        with self._lock:
            record.ended_s = time.monotonic()
            self._running.discard(record.number)
            if record.outcome == "script_error" and record.error:
                self.script_errors.append(str(record.error["message"]))

    @property
    def in_flight(self) -> int:
        with self._lock:
            return len(self._running)

    @property
    def records(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._records)

    def as_json(self) -> dict[str, Any]:
        return {
            "in_flight": self.in_flight,
            "in_flight_max": self.in_flight_max,
            "requests": [asdict(record) for record in self.records],
        }


def without_image_data(value: Any) -> Any:
    """The body with each data URL cut to its head and its length in characters."""
    if isinstance(value, dict):
        return {key: without_image_data(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_image_data(inner) for inner in value]
    if isinstance(value, str) and value.startswith("data:") and len(value) > 64:
        return f"{value.partition(',')[0]},…({len(value)} characters)"
    return value
