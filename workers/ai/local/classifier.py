"""EfficientNet-Lite0 on onnxruntime: from a photo to ImageNet's 1000 classes."""

import ctypes
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.ai.local.photo import opened, views_of

if TYPE_CHECKING:
    import onnxruntime

LABELS_FILE = Path(__file__).parent / "data" / "imagenet_labels.txt"


@dataclass(frozen=True, slots=True)
class Guess:
    """One class and how likely the model holds it to be (0 to 1; all 1000 add up to 1)."""

    index: int
    label: str
    probability: float


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Returns the English names of the 1000 classes in the model's order."""
    lines = LABELS_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


class LocalClassifier:
    """Classifies photos with the model file that ``workers.ai.local.build`` makes.

    Small until the first photo: onnxruntime is imported and the session made then (0.1 s, 65 MB). Threads may
    share one classifier; two first photos at once make two sessions, of which one stays.
    """

    def __init__(self, model_path: Path, threads: int = 1) -> None:
        """Raises FileNotFoundError when there is no model file, so that a worker fails at its start."""
        if not model_path.is_file():
            raise FileNotFoundError(f"no model at {model_path}; make it with python -m workers.ai.local.build")
        self._model_path = model_path
        self._threads = threads
        self._session: onnxruntime.InferenceSession | None = None
        self._used_at = 0.0

    def classify(self, image: Image.Image | bytes, top: int = 5) -> list[Guess]:
        """Returns the ``top`` likeliest classes, likeliest first. Raises PhotoUnreadable."""
        return self.likeliest(self.probabilities(image), top)

    def probabilities(self, image: Image.Image | bytes) -> NDArray[np.float32]:
        """Returns the probability of each class, float32 [1000] in label order: the mean over four views.

        Raises PhotoUnreadable.
        """
        photo = opened(image)
        session = self._session
        if session is None:
            session = self._session = _make_session(self._model_path, self._threads)
        self._used_at = time.monotonic()
        # One view at a time: a batch of all is no faster on one core and takes four times the working memory.
        seen = [session.run(["probabilities"], {"image": view})[0][0] for view in views_of(photo)]
        return np.asarray(np.mean(seen, axis=0), dtype=np.float32)

    def rest(self, idle_s: float) -> None:
        """Gives the model's memory back when no photo came for ``idle_s`` seconds; the next one loads it again."""
        if self._session is not None and time.monotonic() - self._used_at >= idle_s:
            self._session = None
            _return_freed_memory()

    @staticmethod
    def likeliest(probabilities: NDArray[np.float32], top: int) -> list[Guess]:
        """Returns the ``top`` likeliest classes of ``probabilities``, float32 [1000]."""
        order = np.argsort(-probabilities, kind="stable")[:top]
        return [Guess(int(i), imagenet_labels()[i], float(probabilities[i])) for i in order]


def _make_session(model_path: Path, threads: int) -> "onnxruntime.InferenceSession":
    import onnxruntime  # 20 MB that an idle worker need not hold

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    # The arena stays on: without it glibc's heap fragments to 120-160 MB. The memory pattern costs 2 MB more.
    options.enable_mem_pattern = False
    session = onnxruntime.InferenceSession(str(model_path), options, providers=["CPUExecutionProvider"])
    _return_freed_memory()
    return session


def _return_freed_memory() -> None:
    """Gives the model's unoptimised copy (25 MB) back to the system; glibc would keep it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
