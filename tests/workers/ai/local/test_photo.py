"""The fear: a photo that is made to hurt."""

import contextlib
import io
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, ImageStat

from workers.ai.local.photo import MAX_DECODED_PIXELS, PhotoUnreadable, open_photo, tensor_of, views_of, whole_of


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_common_formats_become_rgb(format: str, mode: str) -> None:
    photo = open_photo(encoded(Image.new(mode, (40, 30), 200), format))
    assert (photo.mode, photo.size) == ("RGB", (40, 30))


def test_transparency_and_palettes_become_rgb() -> None:
    for mode in ("RGBA", "LA", "P", "1"):
        assert open_photo(encoded(Image.new(mode, (9, 9)), "PNG")).mode == "RGB"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright(orientation: int) -> None:
    stored = Image.effect_mandelbrot((40, 30), (-2, -1, 1, 2), 50).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, "PNG", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert open_photo(data).tobytes() == upright.tobytes()


def test_a_strange_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 99
    assert open_photo(encoded(Image.new("RGB", (40, 30)), "JPEG", exif=exif)).size == (40, 30)


def test_damaged_bytes_end_in_a_photo_or_a_refusal(photos: Path) -> None:
    chance = random.Random(20)
    with Image.open(photos / "cat.jpg") as cat:
        small = cat.resize((60, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    for format in ("JPEG", "PNG", "WEBP"):
        whole = encoded(small, format, exif=exif)
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            with contextlib.suppress(PhotoUnreadable):
                tensor_of(open_photo(bytes(data)))


def test_a_large_jpeg_is_decoded_small() -> None:
    assert open_photo(encoded(Image.new("RGB", (4032, 3024)), "JPEG")).size == (1008, 756)


def test_a_picture_that_would_fill_the_memory_is_refused() -> None:
    bomb = encoded(Image.new("1", (MAX_DECODED_PIXELS // 1000 + 1, 1000)), "PNG")
    assert len(bomb) < 20_000
    with pytest.raises(PhotoUnreadable, match="more than"):
        open_photo(bomb)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"GIF89a" + bytes(50), b"\xff\xd8\xff\xe0" + bytes(20)])
def test_what_is_no_photo_is_refused(data: bytes) -> None:
    with pytest.raises(PhotoUnreadable):
        open_photo(data)


def test_a_photo_cut_short_is_refused(photos: Path) -> None:
    data = (photos / "coffee.jpg").read_bytes()
    with pytest.raises(PhotoUnreadable):
        open_photo(data[: len(data) // 2])


def test_the_tensor_is_the_middle_square_in_the_models_range() -> None:
    image = Image.new("RGB", (600, 200))
    image.paste((255, 0, 0), (200, 0, 400, 200))
    tensor = tensor_of(image)
    assert tensor.shape == (1, 3, 224, 224)
    assert tensor.dtype == np.float32
    inside = tensor[0, :, 2:-2, 2:-2]
    assert inside[0].min() == pytest.approx(1)
    assert inside[1:].max() == pytest.approx(-127 / 128)


def test_four_views_show_the_whole_and_the_middle_each_also_mirrored() -> None:
    image = Image.effect_mandelbrot((300, 200), (-2, -1, 1, 2), 50).convert("RGB")
    whole, mirrored_whole, middle, mirrored_middle = views_of(image)
    assert np.array_equal(whole, tensor_of(whole_of(image)))
    assert np.array_equal(middle, tensor_of(image))
    assert np.array_equal(mirrored_whole, whole[..., ::-1])
    assert np.array_equal(mirrored_middle, middle[..., ::-1])


def test_the_whole_view_keeps_both_ends_of_a_long_thing() -> None:
    image = Image.new("RGB", (800, 100), "white")
    image.paste((255, 0, 0), (0, 0, 80, 100))
    image.paste((0, 0, 255), (720, 0, 800, 100))
    whole = whole_of(image)
    assert whole.size == (224, 224)
    assert whole.getpixel((10, 112))[0] > 200 > 60 > whole.getpixel((10, 112))[2]
    assert whole.getpixel((213, 112))[2] > 200 > 60 > whole.getpixel((213, 112))[0]


def test_what_is_beside_the_whole_view_has_its_mean_colour() -> None:
    image = Image.effect_mandelbrot((400, 200), (-2, -1, 1, 2), 50).convert("RGB")
    expected = ImageStat.Stat(image).mean
    assert whole_of(image).getpixel((112, 3)) == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 3000), (2, 5)])
def test_the_thinnest_photo_has_its_four_views(size: tuple[int, int]) -> None:
    assert [view.shape for view in views_of(Image.new("RGB", size))] == [(1, 3, 224, 224)] * 4
