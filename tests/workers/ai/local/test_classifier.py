import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.ai.local.classifier import LocalClassifier, imagenet_labels

MEASURE = """
import json, statistics, sys, time
from pathlib import Path
import psutil
from workers.ai.local.classifier import LocalClassifier
megabytes = lambda: round(psutil.Process().memory_info().rss / 2**20, 1)
data = Path(sys.argv[2]).read_bytes()
classifier = LocalClassifier(Path(sys.argv[1]))
idle, start = megabytes(), time.perf_counter()
classifier.classify(data)
first_s, times = time.perf_counter() - start, []
for _ in range(50):
    start = time.perf_counter()
    classifier.classify(data)
    times.append(time.perf_counter() - start)
modules = [name for name in ("onnx", "torch", "nameko", "eventlet") if name in sys.modules]
print(json.dumps({"idle_mb": idle, "after_mb": megabytes(), "first_ms": round(first_s * 1000),
                  "median_ms": round(statistics.median(times) * 1000, 1), "modules": modules}))
"""


def test_the_labels_are_imagenets_thousand() -> None:
    labels = imagenet_labels()
    assert len(labels) == len(set(labels)) == 1000
    assert (labels[0], labels[967], labels[968], labels[999]) == ("tench", "espresso", "cup", "toilet tissue")


def test_the_coffee_photo_is_an_espresso(classifier: LocalClassifier, photos: Path) -> None:
    first, second, *_ = classifier.classify((photos / "coffee.jpg").read_bytes())
    assert (first.index, first.label, second.label) == (967, "espresso", "cup")
    assert first.probability > 0.8


def test_the_cat_is_a_cat(classifier: LocalClassifier, photos: Path) -> None:
    guesses = classifier.classify((photos / "cat.jpg").read_bytes(), top=3)
    assert {guess.label for guess in guesses} == {"tabby", "tiger cat", "Egyptian cat"}


def test_guesses_come_likeliest_first_and_as_many_as_asked(classifier: LocalClassifier, photos: Path) -> None:
    guesses = classifier.classify((photos / "coffee.jpg").read_bytes(), top=7)
    chances = [guess.probability for guess in guesses]
    assert len(chances) == 7
    assert chances == sorted(chances, reverse=True)


def test_a_missing_model_is_found_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"workers\.ai\.local\.build"):
        LocalClassifier(tmp_path / "none.onnx")


def test_the_cost_is_reported_and_an_idle_classifier_is_small(
    model: Path,
    photos: Path,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Speed and memory depend on the machine, so they are told; judged is only what must hold anywhere."""
    command = [sys.executable, "-c", MEASURE, str(model), str(photos / "coffee.jpg")]
    cost = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for name, value in cost.items():
        record_property(name, value)
    with capsys.disabled():
        print(f"\nlocal model: {cost}")
    assert cost["modules"] == []
    assert cost["idle_mb"] < cost["after_mb"]
