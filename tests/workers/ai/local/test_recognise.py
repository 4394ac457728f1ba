"""The fear: a wrong bin, said with confidence."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from services.recycle.knowledge import knowledge
from workers.ai.local.calibration import Calibration
from workers.ai.local.classifier import LocalClassifier
from workers.ai.local.mapping import read_mapping
from workers.ai.local.recognise import Recogniser
from workers.ai.local.vision import LocalVision

CUP, MUG, BANANA, TABBY = 968, 504, 954, 281
ITEMS = {CUP: "ceramic_cup", MUG: "ceramic_cup", BANANA: "banana_peel"}


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def chances(of: dict[int, float]) -> NDArray[np.float32]:
    array = np.zeros(1000, np.float32)
    for index, probability in of.items():
        array[index] = probability
    return array


@pytest.fixture(scope="module")
def vision(model: Path) -> LocalVision:
    """As the AI worker makes it, with the shipped mapping and calibration."""
    return LocalVision(model, known_items=knowledge().items.keys(), threshold=0.5, threads=1)


@pytest.fixture(scope="module")
def recogniser(classifier: LocalClassifier) -> Recogniser:
    return Recogniser(classifier, read_mapping(knowledge().items))


def test_the_coffee_photo_is_its_cup(vision: LocalVision, photos: Path) -> None:
    seen = vision.recognise((photos / "coffee.jpg").read_bytes())
    assert seen.item_id == "ceramic_cup"
    assert 0.75 < seen.confidence < 1
    assert [guess.label for guess in seen.guesses][:2] == ["espresso", "cup"]
    assert seen.guesses[0].item_id == seen.guesses[1].item_id == seen.item_id


@pytest.mark.parametrize("photo", ["cat.jpg", "photographer.jpg", "blurred_clock.jpg"])
def test_what_is_no_item_or_cannot_be_seen_is_not_known(vision: LocalVision, photos: Path, photo: str) -> None:
    seen = vision.recognise((photos / photo).read_bytes())
    assert seen.item_id is None
    assert len(seen.guesses) == 3


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_blank_image_is_not_known(vision: LocalVision, grey: int) -> None:
    seen = vision.recognise(png(Image.new("RGB", (640, 480), (grey, grey, grey))))
    assert seen.item_id is None
    assert len(seen.guesses) == 3


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_known(vision: LocalVision, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    assert vision.recognise(png(Image.fromarray(noise))).item_id is None


def test_a_mirrored_photo_is_the_same_thing_as_surely(recogniser: Recogniser, photos: Path) -> None:
    with Image.open(photos / "coffee.jpg") as coffee:
        straight, mirrored = recogniser.recognise(coffee), recogniser.recognise(ImageOps.mirror(coffee))
    assert mirrored.item_id == straight.item_id
    assert mirrored.confidence == pytest.approx(straight.confidence, abs=0.02)


def test_the_threshold_is_held_against_the_calibrated_confidence(classifier: LocalClassifier) -> None:
    doubtful = Calibration(intercept=-1)
    shares = chances({CUP: 0.6, BANANA: 0.4})
    seen = Recogniser(classifier, ITEMS, calibration=doubtful).judge(shares)
    assert seen.item_id is None
    assert seen.confidence == pytest.approx(doubtful.confidence(0.6)) == pytest.approx(0.3556, abs=1e-4)
    assert Recogniser(classifier, ITEMS, 0.35, doubtful).judge(shares).item_id == "ceramic_cup"


def test_classes_of_one_item_add_up(classifier: LocalClassifier) -> None:
    seen = Recogniser(classifier, ITEMS).judge(chances({CUP: 0.3, MUG: 0.3, BANANA: 0.4}))
    assert seen.item_id == "ceramic_cup"
    assert seen.confidence == pytest.approx(0.6)
    assert [(guess.label, guess.item_id) for guess in seen.guesses] == [
        ("banana", "banana_peel"),
        ("coffee mug", "ceramic_cup"),
        ("cup", "ceramic_cup"),
    ]


def test_below_the_threshold_the_nearest_are_given_but_no_item(classifier: LocalClassifier) -> None:
    seen = Recogniser(classifier, ITEMS).judge(chances({CUP: 0.45, BANANA: 0.3, TABBY: 0.25}))
    assert seen.item_id is None
    assert seen.confidence == pytest.approx(0.45)
    assert [guess.item_id for guess in seen.guesses] == ["ceramic_cup", "banana_peel", None]


def test_a_likelier_thing_that_is_no_item_wins_whatever_the_threshold(classifier: LocalClassifier) -> None:
    judge = Recogniser(classifier, ITEMS, threshold=0.2).judge
    assert judge(chances({CUP: 0.4, TABBY: 0.6})).item_id is None
    assert judge(chances({CUP: 0.4, TABBY: 0.3})).item_id == "ceramic_cup"


@pytest.mark.parametrize("threshold", [0, -0.1, 1.1, 50])
def test_a_threshold_that_is_no_probability_is_refused(classifier: LocalClassifier, threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Recogniser(classifier, ITEMS, threshold)
