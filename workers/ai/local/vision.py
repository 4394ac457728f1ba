"""The provider ``local``: the built-in model, without a key and without a network."""

import time
from collections.abc import Collection
from pathlib import Path

from PIL import Image

from services.kernel.openai.metrics import CALLS, SECONDS
from workers.ai.local.calibration import read_calibration
from workers.ai.local.classifier import LocalClassifier
from workers.ai.local.mapping import read_mapping
from workers.ai.local.photo import PhotoUnreadable
from workers.ai.local.recognise import Recogniser
from workers.ai.recognition import Recognition


class LocalVision:
    """Recognises items with EfficientNet-Lite0. Raises FileNotFoundError when the model was not built."""

    provider = "local"
    model = "efficientnet-lite0"

    def __init__(self, model: Path, *, known_items: Collection[str], threshold: float, threads: int) -> None:
        self._classifier = LocalClassifier(model, threads)
        items = read_mapping(known_items)
        self._recogniser = Recogniser(self._classifier, items, threshold, read_calibration())

    def recognise(self, photo: Image.Image | bytes) -> Recognition:
        began = time.monotonic()
        outcome = "failed"
        try:
            found = self._recogniser.recognise(photo)
            outcome = "answered"
            return found
        except PhotoUnreadable:
            outcome = "unreadable"
            raise
        finally:
            CALLS.labels(self.provider, self.model, outcome).inc()
            SECONDS.labels(self.provider, self.model).observe(time.monotonic() - began)

    def rest(self, idle_s: float) -> None:
        """Give the model's memory back when no photo came for `idle_s` seconds."""
        self._classifier.rest(idle_s)
