"""What calls to a model used, and how they fail."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tokens:
    """As the server counted them; ``cached`` are part of ``input``."""

    input: int
    cached: int
    output: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls to a model used: tokens (``cached`` of the ``input`` ones were cheaper) and their price in won."""

    model: str
    input: int
    cached: int
    output: int
    won: float

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.model,
            self.input + other.input,
            self.cached + other.cached,
            self.output + other.output,
            self.won + other.won,
        )

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "won": round(self.won, 4)}


class ModelUnavailable(Exception):
    """No usable answer came from a model. ``reason`` is a stable word, such as ``timeout`` or ``rate_limited``.

    ``usage`` is what the tries cost all the same.
    """

    def __init__(self, reason: str, detail: str = "", usage: Usage | None = None) -> None:
        self.reason = reason
        self.usage = usage
        super().__init__(f"{reason}: {detail}" if detail else reason)
