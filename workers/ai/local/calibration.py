"""How sure the model may be: from the share that it gives its likeliest item to the probability that it is right.

A network trained for ImageNet is neither right as often as it says on photos of another kind, nor does it know of what
lies outside its classes. Two numbers, fitted by Platt's method on labelled photos that no figure of ours is
measured on, straighten that; ``data/calibration.yaml`` has them and how they were made.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import yaml

CALIBRATION_FILE = Path(__file__).parent / "data" / "calibration.yaml"
# A share of 0 or 1 would have no log-odds. The float32 mean of four softmaxes says nothing below this.
LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence as a logistic function of the share's log-odds; the default changes nothing."""

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for a slope that is not above 0: a larger share would make less sure."""
        if not (0 < self.slope < math.inf and math.isfinite(self.intercept)):
            raise ValueError(f"no calibration: slope {self.slope}, intercept {self.intercept}")

    def confidence(self, share: float) -> float:
        """Returns the probability (0 to 1) that an item which got this ``share`` (0 to 1) is right."""
        return 1 / (1 + math.exp(-(self.slope * log_odds(share) + self.intercept)))


def log_odds(share: float) -> float:
    """Returns ln(share / (1 - share)), within about -14 to 14."""
    inside = min(max(share, LEAST), 1 - LEAST)
    return math.log(inside / (1 - inside))


def read_calibration(path: Path = CALIBRATION_FILE) -> Calibration:
    """Raises ValueError when the file does not hold a calibration."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return Calibration(float(content["slope"]), float(content["intercept"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error
