"""What the outcomes say, in numbers. Shares carry Wilson's 95 % interval, as the sets are small."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workers.ai.evaluation.outcome import Outcome

NORMAL_95 = 1.959964
BINS = 10
UNKNOWN = "don't know"


@dataclass(frozen=True, slots=True)
class Share:
    """``part`` of ``whole`` photos."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """0 to 1, None when there was nothing to count."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the true share lies with 95 % confidence: Wilson's score interval (1927)."""
        if not self.whole:
            return None
        p, n, z = self.part / self.whole, self.whole, NORMAL_95
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - reach), min(1.0, middle + reach)


def share_of(hits: Iterable[bool]) -> Share:
    counted = list(hits)
    return Share(sum(counted), len(counted))


@dataclass(frozen=True, slots=True)
class Bin:
    """Photos whose confidence lies from ``low`` up to ``high``: their mean confidence and how many were right."""

    low: float
    high: float
    confidence: float | None
    right: Share


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well the confidence keeps its word. 0 is perfect for both errors.

    ``expected_error`` is the mean distance between confidence and accuracy over the bins, weighted by their photos
    (Naeini et al. 2015). ``brier`` is the mean square of confidence minus right (1) or wrong (0).
    """

    bins: tuple[Bin, ...]
    expected_error: float
    brier: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds a photo."""

    p50_s: float
    p95_s: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Of all photos together; None where the provider does not tell."""

    tokens: int | None
    won: float | None


@dataclass(frozen=True, slots=True)
class ClassResult:
    """The photos of one class or kind."""

    top1: Share
    top3: Share
    same_class: Share
    answered: Share


@dataclass(frozen=True, slots=True)
class Result:
    """``top1``, ``top3``, ``same_class`` and ``answered`` are of the photos that show an item.

    ``top1``: the answer is the item. ``top3``: the answer or one of the guesses is. ``same_class``: the answer,
    whatever item it names, goes the same way. ``right_when_answered``: of all answers, those that are right.
    ``refused``: of the photos without an item, those answered by "don't know". ``confusion`` counts (true class,
    answered class).
    """

    photos: int
    top1: Share
    top3: Share
    same_class: Share
    answered: Share
    right_when_answered: Share
    refused: Share
    by_class: Mapping[str, ClassResult]
    confusion: Mapping[tuple[str, str], int]
    calibration: Calibration
    latency: Latency
    cost: Cost


def result_of(outcomes: Sequence[Outcome], class_of: Mapping[str, str]) -> Result:
    """Returns what the ``outcomes`` come to; ``class_of`` gives the class (or kind) of each item id.

    Raises ValueError when there is no outcome.
    """
    if not outcomes:
        raise ValueError("there is no outcome to judge")
    with_item = [outcome for outcome in outcomes if outcome.photo.item_id is not None]
    classes: dict[str, list[Outcome]] = {}
    for outcome in with_item:
        classes.setdefault(_class(outcome.photo.item_id, class_of), []).append(outcome)
    whole = _class_result(with_item, class_of)
    return Result(
        photos=len(outcomes),
        top1=whole.top1,
        top3=whole.top3,
        same_class=whole.same_class,
        answered=whole.answered,
        right_when_answered=share_of(outcome.right for outcome in outcomes if outcome.item_id is not None),
        refused=share_of(outcome.right for outcome in outcomes if outcome.photo.item_id is None),
        by_class={name: _class_result(members, class_of) for name, members in sorted(classes.items())},
        confusion=Counter(
            (_class(outcome.photo.item_id, class_of), _class(outcome.item_id, class_of)) for outcome in outcomes
        ),
        calibration=calibration_of(outcomes),
        latency=Latency(
            percentile([outcome.latency_s for outcome in outcomes], 50),
            percentile([outcome.latency_s for outcome in outcomes], 95),
        ),
        cost=_cost(outcomes),
    )


def calibration_of(outcomes: Sequence[Outcome]) -> Calibration:
    """Judges the confidence of the answers that name an item; a refusal claims nothing."""
    answered = [outcome for outcome in outcomes if outcome.item_id is not None]
    bins = []
    for index in range(BINS):
        inside = [outcome for outcome in answered if min(int(outcome.confidence * BINS), BINS - 1) == index]
        mean = statistics.fmean(outcome.confidence for outcome in inside) if inside else None
        bins.append(Bin(index / BINS, (index + 1) / BINS, mean, share_of(outcome.right for outcome in inside)))
    distances = [
        abs(bin_.confidence - bin_.right.part / bin_.right.whole) * bin_.right.whole
        for bin_ in bins
        if bin_.confidence is not None
    ]
    squares = [(outcome.confidence - outcome.right) ** 2 for outcome in answered]
    count = len(answered) or 1
    return Calibration(tuple(bins), expected_error=sum(distances) / count, brier=sum(squares) / count)


def percentile(values: Sequence[float], percent: float) -> float:
    """Returns the value that ``percent`` % of ``values`` do not exceed, linear between neighbours."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _class_result(outcomes: Sequence[Outcome], class_of: Mapping[str, str]) -> ClassResult:
    return ClassResult(
        top1=share_of(outcome.right for outcome in outcomes),
        top3=share_of(outcome.photo.item_id in (outcome.item_id, *outcome.guesses) for outcome in outcomes),
        same_class=share_of(
            outcome.item_id is not None and class_of[outcome.item_id] == _class(outcome.photo.item_id, class_of)
            for outcome in outcomes
        ),
        answered=share_of(outcome.item_id is not None for outcome in outcomes),
    )


def _class(item_id: str | None, class_of: Mapping[str, str]) -> str:
    return UNKNOWN if item_id is None else class_of[item_id]


def _cost(outcomes: Sequence[Outcome]) -> Cost:
    told = [outcome.usage for outcome in outcomes if outcome.usage is not None]
    if not told:
        return Cost(None, None)
    return Cost(sum(usage.input + usage.output for usage in told), sum(usage.won for usage in told))
