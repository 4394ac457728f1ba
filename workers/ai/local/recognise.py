"""From a photo to a disposal item, or to an honest "don't know"."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.ai.local.calibration import Calibration
from workers.ai.local.classifier import LocalClassifier
from workers.ai.recognition import NearGuess, Recognition

# Rather right than wrong. Below one half something else is likelier, and a wrong bin costs more than a second question.
DEFAULT_THRESHOLD = 0.5
NEAREST = 3


@dataclass(frozen=True, slots=True)
class Likeliest:
    """The item with the largest ``share`` (0 to 1, summed over all classes that are that item).

    ``elsewhere`` is the largest share of one class that is no item.
    """

    item_id: str
    share: float
    elsewhere: float


class Recogniser:
    """Names the disposal item on a photo by a classifier and a mapping from class index to item id."""

    def __init__(
        self,
        classifier: LocalClassifier,
        items: Mapping[int, str],
        threshold: float = DEFAULT_THRESHOLD,
        calibration: Calibration | None = None,
    ) -> None:
        """Raises ValueError when ``threshold`` is not within 0 to 1 or nothing is mapped."""
        if not 0 < threshold <= 1:
            raise ValueError(f"the threshold is a probability above 0 and up to 1, not {threshold}")
        if not items:
            raise ValueError("no class is mapped to an item")
        self._classifier = classifier
        self._items = items
        self._threshold = threshold
        self._calibration = calibration or Calibration()

    def recognise(self, image: Image.Image | bytes) -> Recognition:
        """Returns the item on the photo; its guesses are the three likeliest classes, with the share of each.

        Raises PhotoUnreadable.
        """
        return self.judge(self._classifier.probabilities(image))

    def judge(self, probabilities: NDArray[np.float32]) -> Recognition:
        """Returns what ``probabilities``, float32 [1000], say.

        The likeliest item counts when its confidence reaches the threshold and no class outside all items is likelier.
        """
        best = self.likeliest(probabilities)
        confidence = self._calibration.confidence(best.share)
        certain = confidence >= self._threshold and best.share > best.elsewhere
        guesses = tuple(
            NearGuess(guess.label, self._items.get(guess.index), guess.probability)
            for guess in self._classifier.likeliest(probabilities, NEAREST)
        )
        return Recognition(best.item_id if certain else None, confidence, guesses)

    def likeliest(self, probabilities: NDArray[np.float32]) -> Likeliest:
        """Returns the item that ``probabilities``, float32 [1000], hold to be the likeliest."""
        of_item: dict[str, float] = dict.fromkeys(self._items.values(), 0.0)
        elsewhere = 0.0
        for index, probability in enumerate(probabilities.tolist()):
            if (item_id := self._items.get(index)) is not None:
                of_item[item_id] += probability
            else:
                elsewhere = max(elsewhere, probability)
        item_id, share = max(of_item.items(), key=lambda pair: pair[1])
        return Likeliest(item_id, min(share, 1.0), elsewhere)  # rounding may carry a sum a hair past 1
