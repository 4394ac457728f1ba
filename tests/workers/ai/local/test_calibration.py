"""The fear: a confidence that promises what it does not keep."""

import math
from pathlib import Path

import pytest

from workers.ai.local.calibration import Calibration, read_calibration


def test_without_a_fit_the_share_is_the_confidence() -> None:
    for share in (0.001, 0.25, 0.5, 0.96):
        assert Calibration().confidence(share) == pytest.approx(share)


def test_the_confidence_is_a_logistic_function_of_the_log_odds() -> None:
    # ln(0.8 / 0.2) = 1.3863; 0.5 * 1.3863 - 0.2 = 0.4931; 1 / (1 + exp(-0.4931)) = 0.6208
    assert Calibration(0.5, -0.2).confidence(0.8) == pytest.approx(0.6208, abs=1e-4)


def test_a_larger_share_is_never_less_sure_and_stays_a_probability() -> None:
    shipped = read_calibration()
    confidences = [shipped.confidence(step / 1000) for step in range(1001)]
    assert confidences == sorted(confidences)
    assert 0 < confidences[0] < confidences[-1] < 1


@pytest.mark.parametrize(("slope", "intercept"), [(0, 0), (-1, 0), (math.nan, 0), (math.inf, 0), (1, math.nan)])
def test_what_turns_sure_into_unsure_is_refused(slope: float, intercept: float) -> None:
    with pytest.raises(ValueError, match="no calibration"):
        Calibration(slope, intercept)


@pytest.mark.parametrize("text", ["", "slope: 1", "slope: 0\nintercept: 1", "slope: steep\nintercept: 0", "[1, 2]"])
def test_a_file_without_a_calibration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calibration.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"calibration\.yaml"):
        read_calibration(path)
