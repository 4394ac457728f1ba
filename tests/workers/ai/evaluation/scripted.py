"""A provider that answers by script, and where the shipped photos are."""

from collections.abc import Callable
from pathlib import Path

from workers.ai.evaluation.outcome import Outcome
from workers.ai.recognition import NearGuess, Recognition, Usage

EVALUATION = Path(__file__).parents[3] / "photos" / "evaluation"

Write = Callable[..., Path]
Judge = Callable[..., Outcome]


def said(
    item_id: str | None,
    confidence: float = 0.9,
    guesses: tuple[str | None, ...] = (),
    usage: Usage | None = None,
) -> Recognition:
    """What a provider answers."""
    return Recognition(item_id, confidence, tuple(NearGuess("label", guess, 0.1) for guess in guesses), usage=usage)


class Scripted:
    """A provider that says what it was told to, photo after photo."""

    provider = "scripted"
    model = "by-hand"

    def __init__(self, *answers: Recognition) -> None:
        self.answers = list(answers)
        self.asked = 0

    def recognise(self, photo: bytes) -> Recognition:
        self.asked += 1
        return self.answers.pop(0)
