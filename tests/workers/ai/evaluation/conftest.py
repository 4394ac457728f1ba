from pathlib import Path

import pytest
from PIL import Image

from tests.workers.ai.evaluation.scripted import Judge, Write
from workers.ai.evaluation.labels import LABELS, Labelled
from workers.ai.evaluation.outcome import Outcome


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a labels.csv of these lines beside two photos, a.jpg and b.jpg; returns the folder."""

    def written(*lines: str, head: str = "file,item_id,situations,note") -> Path:
        for name in ("a.jpg", "b.jpg"):
            Image.new("RGB", (64, 48), "red").save(tmp_path / name)
        (tmp_path / LABELS).write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        return tmp_path

    return written


@pytest.fixture
def judge() -> Judge:
    """An outcome: the truth, the answer, the confidence, the guesses."""

    def judged(
        truth: str | None, answer: str | None, confidence: float = 0.9, guesses: tuple[str | None, ...] = ()
    ) -> Outcome:
        return Outcome(Labelled(Path("photo.jpg"), truth), answer, confidence, guesses, latency_s=0.1)

    return judged
