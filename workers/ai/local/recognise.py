"""From a photo to a disposal item, or to an honest "don't know"."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.ai.local.classifier import LocalClassifier

# More likely this item than everything else together. Below one half the model itself holds "something else" to be
# likelier, and a wrong bin costs more than a second question. In the 25 sample pictures of scikit-image's wheel besides
# the coffee, none of which shows an item clearly, no item passed 0.27.
DEFAULT_THRESHOLD = 0.5
NEAREST = 3


@dataclass(frozen=True, slots=True)
class NearGuess:
    """One of the likeliest classes: ``item_id`` is None where the class names no disposal item."""

    label: str
    item_id: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """What the photo shows. ``item_id`` is None for "don't know".

    ``confidence`` is the probability (0 to 1) of the likeliest item, summed over all classes that are that
    item; also given when it was too low to name the item. ``guesses`` are the three likeliest classes.
    """

    item_id: str | None
    confidence: float
    guesses: tuple[NearGuess, ...]


class Recogniser:
    """Names the disposal item on a photo by a classifier and a mapping from class index to item id."""

    def __init__(
        self, classifier: LocalClassifier, items: Mapping[int, str], threshold: float = DEFAULT_THRESHOLD
    ) -> None:
        """Raises ValueError when ``threshold`` is not within 0 to 1 or nothing is mapped."""
        if not 0 < threshold <= 1:
            raise ValueError(f"the threshold is a probability above 0 and up to 1, not {threshold}")
        if not items:
            raise ValueError("no class is mapped to an item")
        self._classifier = classifier
        self._items = items
        self._threshold = threshold

    def recognise(self, image: Image.Image | bytes) -> Recognition:
        """Returns the item on the photo. Raises PhotoUnreadable."""
        return self.judge(self._classifier.probabilities(image))

    def judge(self, probabilities: NDArray[np.float32]) -> Recognition:
        """Returns what ``probabilities``, float32 [1000], say.

        The likeliest item counts when it reaches the threshold and no class outside all items is likelier.
        """
        of_item: dict[str, float] = dict.fromkeys(self._items.values(), 0.0)
        elsewhere = 0.0
        for index, probability in enumerate(probabilities.tolist()):
            if (item_id := self._items.get(index)) is not None:
                of_item[item_id] += probability
            else:
                elsewhere = max(elsewhere, probability)
        best = max(of_item, key=lambda item_id: of_item[item_id])
        confidence = min(of_item[best], 1.0)  # rounding may carry a sum of probabilities a hair past 1
        certain = confidence >= self._threshold and confidence > elsewhere
        guesses = tuple(
            NearGuess(guess.label, self._items.get(guess.index), guess.probability)
            for guess in self._classifier.likeliest(probabilities, NEAREST)
        )
        return Recognition(best if certain else None, confidence, guesses)
