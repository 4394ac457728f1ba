"""The fear: a picture that cuts its words off, or shows what was not measured."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workers.ai.evaluation.scripted import Judge
from workers.ai.evaluation import pictures
from workers.ai.evaluation.metrics import Result, result_of

CLASSES = {"ball": "general", "can": "recyclable: metal", "cup": "non combustible"}


@pytest.fixture
def result(judge: Judge) -> Result:
    return result_of(
        [judge("ball", "ball", 0.8), judge("can", "ball", 0.6), judge("can", None), judge(None, None)], CLASSES
    )


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def test_the_confusion_matrix_has_a_row_for_each_class_that_occurs(
    result: Result, judge: Judge, tmp_path: Path
) -> None:
    more = result_of([judge("ball", "ball"), judge("can", "can"), judge("cup", "cup"), judge(None, None)], CLASSES)
    heights = []
    for number, shown in enumerate((result, more)):
        path = tmp_path / f"{number}.png"
        pictures.confusion_matrix(shown, "title", path)
        heights.append(pixels(path).shape[0])
    assert heights[1] - heights[0] == pytest.approx(pictures.CELL * pictures.DPI, abs=25)


def test_a_right_class_is_green_and_a_wrong_one_is_not(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "confusion.png"
    pictures.confusion_matrix(result, "title", path)
    red, green = (pixels(path)[..., channel].astype(int) for channel in (0, 1))
    assert (green - red > 40).sum() > 1000
    assert (red - green > 40).sum() > 1000


def test_no_word_is_cut_off(result: Result, tmp_path: Path) -> None:
    confusion, reliability = tmp_path / "confusion.png", tmp_path / "reliability.png"
    pictures.confusion_matrix(result, "openai/a-model-with-a-rather-long-name, 100 photos", confusion)
    pictures.reliability(result.calibration, "openai/a-model-with-a-rather-long-name, 100 photos", reliability)
    for path in (confusion, reliability):
        picture = pixels(path)
        height, width, _ = picture.shape
        assert 500 < width < 1500
        assert 450 < height < 1500
        for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
            assert (edge == 255).all()


def test_a_reliability_diagram_of_no_answer_is_empty_but_whole(judge: Judge, tmp_path: Path) -> None:
    path = tmp_path / "reliability.png"
    pictures.reliability(result_of([judge("ball", None)], CLASSES).calibration, "none", path)
    red, green = (pixels(path)[..., channel].astype(int) for channel in (0, 1))
    assert (green - red <= 40).all()
