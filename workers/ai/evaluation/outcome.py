"""Running a provider over labelled photos: what it said of each, and how long it took."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from workers.ai.evaluation.labels import EvaluationError, Labelled
from workers.ai.local.photo import PhotoUnreadable
from workers.ai.recognition import ModelUnavailable, Usage, Vision


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a provider said of a photo: ``item_id`` is None for "don't know", ``confidence`` is 0 to 1."""

    photo: Labelled
    item_id: str | None
    confidence: float
    guesses: tuple[str | None, ...]
    latency_s: float
    usage: Usage | None = None

    @property
    def right(self) -> bool:
        """The answer is the labelled one, "don't know" included."""
        return self.item_id == self.photo.item_id


def run(
    vision: Vision,
    photos: Sequence[Labelled],
    known_items: Collection[str],
    told: Callable[[Labelled], None] = lambda photo: None,
) -> tuple[Outcome, ...]:
    """Returns an outcome for each photo, one after the other; ``told`` hears of each before it is looked at.

    An item that the knowledge does not have counts as "don't know", as in the AI worker. The first photo is looked
    at once more, unmeasured, before all: a model is loaded then. Not so when the provider tells a price.

    Raises EvaluationError for a photo that cannot be read, and when the provider does not answer.
    """
    outcomes: list[Outcome] = []
    for photo in photos:
        told(photo)
        try:
            data = photo.path.read_bytes()
        except OSError as error:
            raise EvaluationError(f"{photo.path}: {error.strerror}. Make it readable.") from error
        try:
            outcome = _outcome(vision, photo, data, known_items)
            if not outcomes and outcome.usage is None:
                outcome = _outcome(vision, photo, data, known_items)
        except PhotoUnreadable as error:
            advice = "Take its line out of labels.csv or save the photo again."
            raise EvaluationError(f"{photo.path}: {error}. {advice}") from error
        except ModelUnavailable as error:
            raise EvaluationError(f"{photo.path}: no answer from the provider: {error}. Try again later.") from error
        outcomes.append(outcome)
    return tuple(outcomes)


def _outcome(vision: Vision, photo: Labelled, data: bytes, known_items: Collection[str]) -> Outcome:
    started = time.perf_counter()
    seen = vision.recognise(data)
    latency_s = time.perf_counter() - started
    item_id = seen.item_id if seen.item_id in known_items else None
    guesses = tuple(guess.item_id if guess.item_id in known_items else None for guess in seen.guesses)
    return Outcome(photo, item_id, seen.confidence, guesses, latency_s, seen.usage)
