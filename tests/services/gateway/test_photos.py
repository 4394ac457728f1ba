"""What the edge makes of photos, and of what pretends to be one."""

import contextlib
import io
import random

import pytest
from PIL import Image

from services.kernel.config import Images
from services.kernel.errors import Invalid, Problem, TooLarge, Unprocessable, UnsupportedMedia
from services.kernel.photos import prepare

LIMITS = Images(
    max_bytes=1_000_000,
    max_pixels=4_000_000,
    min_side_px=16,
    max_side_px=512,
    jpeg_quality=88,
    cache_max_age_s=60,
)


def encoded(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def two_halves(mode: str = "RGB") -> Image.Image:
    """Red above, blue below, twice as wide as high."""
    image = Image.new("RGB", (200, 100), "blue")
    image.paste("red", (0, 0, 200, 50))
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_colour_mode_becomes_rgb(mode: str) -> None:
    photo = prepare(encoded(two_halves(mode)), "image/jpeg", LIMITS)

    assert Image.open(io.BytesIO(photo.body)).mode == "RGB"
    assert (photo.width, photo.height) == (200, 100)


def test_what_is_transparent_becomes_white() -> None:
    glass = Image.new("RGBA", (64, 64), (255, 0, 0, 0))

    photo = prepare(encoded(glass, "PNG"), "image/png", LIMITS)

    assert Image.open(io.BytesIO(photo.body)).getpixel((32, 32)) == (255, 255, 255)


@pytest.mark.parametrize(("turn", "top_left_is_red"), [(1, True), (3, False), (8, True)])
def test_a_turned_photo_is_put_upright(turn: int, top_left_is_red: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn

    photo = prepare(encoded(two_halves(), exif=exif), None, LIMITS)

    upright = Image.open(io.BytesIO(photo.body))
    assert upright.size == ((100, 200) if turn == 8 else (200, 100))
    red, _, blue = upright.convert("RGB").getpixel((5, 5))
    assert (red > blue) is top_left_is_red


def test_a_large_photo_keeps_its_proportions() -> None:
    photo = prepare(encoded(Image.new("RGB", (2000, 1000))), "image/jpeg", LIMITS)

    assert (photo.width, photo.height) == (512, 256)


@pytest.mark.parametrize("declared", [None, "", "application/octet-stream", "image/jpg", "IMAGE/JPEG; q=1", "image/*"])
def test_a_vague_or_sloppy_type_is_taken(declared: str | None) -> None:
    assert prepare(encoded(two_halves()), declared, LIMITS).content_type == "image/jpeg"


def test_the_limits_hold_to_the_byte_and_pixel() -> None:
    exact = encoded(Image.new("1", (2000, 2000)), "PNG")
    assert prepare(exact, "image/png", LIMITS).width == 512
    with pytest.raises(Unprocessable):
        prepare(encoded(Image.new("1", (2000, 2001)), "PNG"), "image/png", LIMITS)
    with pytest.raises(TooLarge):
        prepare(bytes(1_000_001), "image/png", LIMITS)


def test_an_empty_upload_is_invalid() -> None:
    with pytest.raises(Invalid):
        prepare(b"", "image/jpeg", LIMITS)


def test_another_kind_of_picture_is_unsupported() -> None:
    with pytest.raises(UnsupportedMedia):
        prepare(encoded(two_halves(), "BMP"), "image/bmp", LIMITS)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_whatever_is_done_to_a_photo_ends_in_a_photo_or_a_problem(form: str) -> None:
    """Two hundred damaged uploads, the same ones each time: no other error may come out."""
    chance = random.Random(20261122)
    whole = encoded(two_halves(), form)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        cut = bytes(damaged[: chance.randint(1, len(damaged))])
        with contextlib.suppress(Problem):
            assert prepare(cut, None, LIMITS).content_type == "image/jpeg"
