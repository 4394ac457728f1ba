"""The fear: numbers in the data file that nobody can make again."""

from pathlib import Path

import numpy as np
import pytest

from tests.workers.ai.evaluation.scripted import EVALUATION
from workers.ai.evaluation.calibrate import fit, judged, text_of
from workers.ai.evaluation.providers import model_file
from workers.ai.local.calibration import CALIBRATION_FILE, Calibration, read_calibration


def test_the_fit_finds_the_calibration_that_made_the_answers() -> None:
    chance = np.random.default_rng(20)
    true = Calibration(0.7, -0.4)
    shares = chance.uniform(0.02, 0.98, 20_000).tolist()
    right = [bool(chance.random() < true.confidence(share)) for share in shares]
    found = fit(shares, right)
    assert found.slope == pytest.approx(true.slope, abs=0.05)
    assert found.intercept == pytest.approx(true.intercept, abs=0.05)


def test_few_photos_that_part_cleanly_do_not_make_certain() -> None:
    found = fit([0.2, 0.3, 0.8, 0.9], [False, False, True, True])
    assert found.confidence(0.9) < 0.9
    assert found.confidence(0.2) > 0.1


@pytest.mark.parametrize("right", [[True, True], [False, False]])
def test_right_and_wrong_answers_are_both_needed(right: list[bool]) -> None:
    with pytest.raises(ValueError, match="both"):
        fit([0.4, 0.6], right)


def test_the_shipped_calibration_is_the_one_that_the_shipped_photos_give() -> None:
    shares, right = judged(EVALUATION / "calibration", model_file())
    made, shipped = fit(shares, right), read_calibration()
    assert made.slope == pytest.approx(shipped.slope, abs=0.02)
    assert made.intercept == pytest.approx(shipped.intercept, abs=0.02)
    text = CALIBRATION_FILE.read_text(encoding="utf-8")
    assert f"photos: {len(right)} " in text
    assert f"right: {sum(right)}\n" in text


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "calibration.yaml"
    path.write_text(text_of(Calibration(0.5, -0.25), [True, False]), encoding="utf-8")
    assert read_calibration(path) == Calibration(0.5, -0.25)
