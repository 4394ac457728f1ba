"""The fears: a photo without a licence, and a photo that both fits and judges."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from services.recycle.knowledge import knowledge
from tests.workers.ai.evaluation.scripted import EVALUATION
from workers.ai.evaluation.labels import read_labels

SETS = (EVALUATION, EVALUATION / "calibration")


@pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)
def test_every_photo_is_labelled(folder: Path) -> None:
    known = knowledge()
    labelled = {photo.path.name for photo in read_labels(folder, known.items, known.situations)}
    assert labelled == {path.name for path in folder.glob("*.jpg")}


def test_every_photo_has_its_notice() -> None:
    notice = (EVALUATION / "LICENSE.md").read_text(encoding="utf-8")
    photos = [path.relative_to(EVALUATION).as_posix() for path in EVALUATION.rglob("*.jpg")]
    assert [photo for photo in photos if notice.count(f"| `{photo}` |") != 1] == []
    assert f"{len(list(SETS[0].glob('*.jpg')))} photos with" in notice
    assert f"{len(list(SETS[1].glob('*.jpg')))} others in" in notice


def test_the_photos_are_small() -> None:
    for path in EVALUATION.rglob("*.jpg"):
        assert path.stat().st_size < 150_000
        with Image.open(path) as photo:
            assert (photo.format, max(photo.size) <= 1024) == ("JPEG", True)


def test_no_photo_both_fits_and_judges() -> None:
    fitted, judged = ({hashlib.sha256(path.read_bytes()).digest() for path in folder.glob("*.jpg")} for folder in SETS)
    assert len(fitted) + len(judged) == len(list(EVALUATION.rglob("*.jpg")))
    assert not fitted & judged
