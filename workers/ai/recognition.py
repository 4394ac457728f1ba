"""What a vision provider says of a photo; the same for every provider."""

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from PIL import Image


@dataclass(frozen=True, slots=True)
class NearGuess:
    """One of the likeliest classes: ``item_id`` is None where the class names no disposal item."""

    label: str
    item_id: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class Thing:
    """One more object on the photo. ``name`` is the provider's own word for it."""

    item_id: str
    name: str
    situations: tuple[str, ...]
    confidence: float


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


@dataclass(frozen=True, slots=True)
class Recognition:
    """What the photo shows. ``item_id`` is None for "don't know".

    ``confidence`` is the probability (0 to 1) that the item is right; also given when it was too low to name the
    item. ``guesses`` are the likeliest candidates, likeliest first. ``others`` are further objects, by size.
    """

    item_id: str | None
    confidence: float
    guesses: tuple[NearGuess, ...]
    situations: tuple[str, ...] = ()
    others: tuple[Thing, ...] = ()
    usage: Usage | None = None


class Vision(Protocol):
    """A provider that recognises what a photo shows."""

    provider: str
    model: str

    def recognise(self, photo: Image.Image | bytes) -> Recognition:
        """Raises `PhotoUnreadable` for what is no photo, `ModelUnavailable` when nobody answers."""


class ModelUnavailable(Exception):
    """No usable answer came from a model. ``reason`` is a stable word, such as ``timeout`` or ``rate_limited``.

    ``usage`` is what the tries cost all the same.
    """

    def __init__(self, reason: str, detail: str = "", usage: Usage | None = None) -> None:
        self.reason = reason
        self.usage = usage
        super().__init__(f"{reason}: {detail}" if detail else reason)
