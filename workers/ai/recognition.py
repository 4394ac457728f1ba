"""What a vision provider says of a photo; the same for every provider."""

from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from services.kernel.openai.usage import ModelUnavailable, Usage

__all__ = ["ModelUnavailable", "NearGuess", "Recognition", "Thing", "Usage", "Vision"]


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
