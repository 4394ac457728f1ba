"""From a photo to an answer, in three stages: vision -> rules -> answer. Each takes and gives plain JSON.

Nothing that a model says is trusted: an item counts only if the knowledge base has it.
"""

from dataclasses import asdict
from typing import Any, Literal, Protocol

from services.recycle.knowledge import as_dict, knowledge, render, rules_for
from workers.ai.local.recognise import Recognition

Language = Literal["ko", "en"]

UNKNOWN: dict[Language, str] = {
    "ko": "무엇인지 확실히 알 수 없어요. 물건만 크게 나오도록 밝은 곳에서 다시 찍거나, 이름으로 찾아보세요.",
    "en": "I cannot tell for sure what this is. Take the photo again, closer and in good light, or search by name.",
}


class Vision(Protocol):
    """A provider that recognises what a photo shows."""

    provider: str
    model: str

    def recognise(self, photo: bytes) -> Recognition:
        """Raises `workers.ai.local.photo.PhotoUnreadable` for what is no photo."""


def see(vision: Vision, photo: bytes) -> dict[str, Any]:
    """Stage 1: ``{"item_id" | None, "confidence", "guesses", "provider", "model"}``."""
    seen = vision.recognise(photo)
    known = knowledge().items
    guesses = [
        {**asdict(guess), "item_id": guess.item_id if guess.item_id in known else None} for guess in seen.guesses
    ]
    return {
        "item_id": seen.item_id if seen.item_id in known else None,
        "confidence": round(seen.confidence, 4),
        "guesses": guesses,
        "provider": vision.provider,
        "model": vision.model,
    }


def rule(seen: dict[str, Any], language: Language) -> dict[str, Any] | None:
    """Stage 2: the disposal rules of what was seen, None for "don't know"."""
    if seen["item_id"] is None:
        return None
    return as_dict(rules_for(seen["item_id"]), language)


def answer(seen: dict[str, Any], language: Language) -> str:
    """Stage 3: what to tell the person, made from the rules alone."""
    if seen["item_id"] is None:
        return UNKNOWN[language]
    return render(rules_for(seen["item_id"]), language)


def result(seen: dict[str, Any], ruled: dict[str, Any] | None, text: str, language: Language) -> dict[str, Any]:
    """What the scan keeps and the client gets."""
    disposal = rules_for(seen["item_id"]) if seen["item_id"] else None
    return {
        **seen,
        "language": language,
        "major": disposal.major if disposal else None,
        "kind": disposal.kind if disposal else None,
        "disposal": ruled,
        "insufficiencies": [gap.situation for gap in disposal.insufficiencies] if disposal else [],
        "answer": text,
    }
