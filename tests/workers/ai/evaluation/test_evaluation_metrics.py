"""Every figure against one made by hand."""

from pathlib import Path

import pytest

from tests.workers.ai.evaluation.scripted import Judge
from workers.ai.evaluation.labels import Labelled
from workers.ai.evaluation.metrics import UNKNOWN, Share, calibration_of, percentile, result_of
from workers.ai.evaluation.outcome import Outcome
from workers.ai.recognition import Usage

CLASSES = {"ball": "general", "pencil": "general", "can": "metal", "pan": "metal"}


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 5, 0.0, 0.4345),
        (5, 5, 0.5655, 1.0),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
    ],
)
def test_wilsons_interval(part: int, whole: int, low: float, high: float) -> None:
    assert Share(part, whole).interval == pytest.approx((low, high), abs=1e-4)


def test_a_share_of_nothing_is_none_and_not_zero() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, None)


@pytest.mark.parametrize(("percent", "value"), [(0, 1.0), (50, 2.5), (95, 3.85), (100, 4.0)])
def test_percentiles_are_linear_between_neighbours(percent: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == pytest.approx(value)


def test_the_expected_calibration_error_and_the_brier_score(judge: Judge) -> None:
    outcomes = [
        judge("ball", "ball", 0.95),
        judge("ball", "can", 0.85),
        judge("can", "can", 0.55),
        judge(None, "can", 0.55),
        judge("can", None, 0.3),  # claims nothing
    ]
    found = calibration_of(outcomes)
    # bins: |0.95 - 1| * 1, |0.85 - 0| * 1, |0.55 - 1/2| * 2; four answers
    assert found.expected_error == pytest.approx((0.05 + 0.85 + 0.1) / 4)
    assert found.brier == pytest.approx((0.05**2 + 0.85**2 + 0.45**2 + 0.55**2) / 4)
    assert [bin_.right.whole for bin_ in found.bins] == [0, 0, 0, 0, 0, 2, 0, 0, 1, 1]
    assert found.bins[5].right == Share(1, 2)


def test_a_confidence_of_one_falls_into_the_last_bin(judge: Judge) -> None:
    assert calibration_of([judge("ball", "ball", 1.0)]).bins[-1].right == Share(1, 1)


def test_what_was_never_answered_has_no_calibration_error(judge: Judge) -> None:
    found = calibration_of([judge("ball", None, 0.2)])
    assert (found.expected_error, found.brier) == (0, 0)


def test_the_shares_of_a_mixed_lot(judge: Judge) -> None:
    outcomes = [
        judge("ball", "ball", guesses=("ball", "can", None)),
        judge("ball", "pencil", guesses=("pencil", "ball", None)),  # another item, the same class
        judge("can", None, guesses=("pan", "can", "ball")),  # refused, but among the guesses
        judge("can", "ball", guesses=("ball", None, None)),  # wrong altogether
        judge(None, None),
        judge(None, "pan"),
    ]
    result = result_of(outcomes, CLASSES)
    assert result.photos == 6
    assert result.top1 == Share(1, 4)
    assert result.top3 == Share(3, 4)
    assert result.same_class == Share(2, 4)
    assert result.answered == Share(3, 4)
    assert result.right_when_answered == Share(1, 4)
    assert result.refused == Share(1, 2)
    assert result.by_class["general"].top1 == Share(1, 2)
    assert result.by_class["metal"].top3 == Share(1, 2)
    assert result.confusion == {
        ("general", "general"): 2,
        ("metal", UNKNOWN): 1,
        ("metal", "general"): 1,
        (UNKNOWN, UNKNOWN): 1,
        (UNKNOWN, "metal"): 1,
    }


def test_the_right_item_outside_the_guesses_counts_among_the_three(judge: Judge) -> None:
    assert result_of([judge("ball", "ball", guesses=("can", "pan", "pencil"))], CLASSES).top3 == Share(1, 1)


def test_cost_is_summed_and_none_where_nobody_tells_it(judge: Judge) -> None:
    photo = Labelled(Path("a.jpg"), "ball")
    paid = [Outcome(photo, "ball", 0.9, (), 0.1, Usage("m", tokens, 0, 100, 1.5)) for tokens in (800, 1000)]
    assert (result_of(paid, CLASSES).cost.tokens, result_of(paid, CLASSES).cost.won) == (2000, 3.0)
    free = result_of([judge("ball", "ball")], CLASSES).cost
    assert (free.tokens, free.won) == (None, None)


def test_no_outcome_is_no_result() -> None:
    with pytest.raises(ValueError, match="no outcome"):
        result_of([], CLASSES)
