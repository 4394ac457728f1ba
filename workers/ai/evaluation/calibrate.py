"""Fits the local model's calibration: ``python -m workers.ai.evaluation.calibrate PHOTOS_DIR`` writes its data file.

Use photos that no accuracy is told of: those of ``tests/photos/evaluation/calibration``.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from services.recycle.knowledge import knowledge
from workers.ai.evaluation.labels import read_labels
from workers.ai.evaluation.providers import model_file
from workers.ai.local.calibration import CALIBRATION_FILE, Calibration, log_odds
from workers.ai.local.classifier import LocalClassifier
from workers.ai.local.mapping import read_mapping
from workers.ai.local.recognise import Recogniser

STEPS = 100
ENOUGH = 1e-10


def fit(shares: Sequence[float], right: Sequence[bool]) -> Calibration:
    """Returns the calibration under which ``right`` is likeliest, for items that got these ``shares``.

    Platt's method (1999) with its targets, which pull a small set away from 0 and 1, and Newton's steps halved until
    they help, as Lin, Lin and Weng (2007) make them. Raises ValueError when all are right or all are wrong.
    """
    hits = sum(right)
    misses = len(right) - hits
    if not hits or not misses:
        raise ValueError("right and wrong answers are both needed to tell one from the other")
    x = np.array([[log_odds(share), 1.0] for share in shares])
    target = np.where(np.array(right), (hits + 1) / (hits + 2), 1 / (misses + 2))

    def loss(weights: np.ndarray) -> float:
        z = x @ weights
        return float(np.sum(np.logaddexp(0, z) - target * z))

    weights = np.array([0.0, math.log((hits + 1) / (misses + 1))])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(x @ weights)))
        gradient = x.T @ (p - target)
        if np.abs(gradient).max() < ENOUGH:
            break
        hessian = (x * (p * (1 - p))[:, None]).T @ x + ENOUGH * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > ENOUGH:
            step /= 2
        weights -= step
    return Calibration(slope=float(weights[0]), intercept=float(weights[1]))


def judged(photos_dir: Path, model: Path) -> tuple[list[float], list[bool]]:
    """Returns, for each photo, the share of the likeliest item and whether it is the labelled one."""
    known = knowledge()
    classifier = LocalClassifier(model)
    recogniser = Recogniser(classifier, read_mapping(known.items.keys()))
    shares, right = [], []
    for photo in read_labels(photos_dir, known.items, known.situations):
        best = recogniser.likeliest(classifier.probabilities(photo.path.read_bytes()))
        shares.append(best.share)
        right.append(best.item_id == photo.item_id)
    return shares, right


def text_of(calibration: Calibration, right: Sequence[bool]) -> str:
    """Returns the data file's text."""
    return (
        "# From a share to a confidence: confidence = 1 / (1 + exp(-(slope * ln(share / (1 - share)) + intercept))).\n"
        "# Made by: python -m workers.ai.evaluation.calibrate tests/photos/evaluation/calibration\n"
        "# Make it again when the model, its views or the mapping (imagenet_items.yaml) change.\n"
        f"slope: {calibration.slope:.4f}\n"
        f"intercept: {calibration.intercept:.4f}\n"
        f"photos: {len(right)}  # of which the likeliest item was right on:\n"
        f"right: {sum(right)}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the local model's calibration and write it.")
    parser.add_argument("photos_dir", type=Path, metavar="PHOTOS_DIR")
    shares, right = judged(parser.parse_args().photos_dir, model_file())
    CALIBRATION_FILE.write_text(text_of(fit(shares, right), right), encoding="utf-8")
    print(CALIBRATION_FILE)


if __name__ == "__main__":
    main()
