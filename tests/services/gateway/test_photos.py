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
    decode_bytes=200_000_000,
    decode_at_once=2,
    decode_wait_s=5,
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


def test_a_photo_with_a_second_one_behind_it_is_a_jpeg() -> None:
    """As phones write them, with a brightness map; Pillow calls that MPO."""
    both = encoded(two_halves(), "MPO", save_all=True, append_images=[Image.new("RGB", (50, 25))])

    photo = prepare(both, "image/jpeg", LIMITS)

    assert (photo.width, photo.height) == (200, 100)


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA", "L", "RGB"])
def test_a_see_through_png_of_any_kind_lies_on_white(mode: str) -> None:
    """Left half black, right half nothing."""
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    image.paste((7, 7, 7, 0), (32, 0, 64, 64))
    options: dict[str, object] = {}
    if mode in ("L", "RGB"):
        options["transparency"] = 7 if mode == "L" else (7, 7, 7)
    image = image.quantize(4) if mode == "P" else image.convert(mode)

    photo = prepare(encoded(image, "PNG", **options), "image/png", LIMITS)

    shown = Image.open(io.BytesIO(photo.body)).convert("L")
    assert shown.getpixel((8, 32)) < 16
    assert shown.getpixel((56, 32)) > 240


def test_half_see_through_becomes_half_white() -> None:
    photo = prepare(encoded(Image.new("RGBA", (1000, 1000), (255, 0, 0, 128)), "WEBP"), "image/webp", LIMITS)

    red, green, blue = Image.open(io.BytesIO(photo.body)).getpixel((256, 256))
    assert red > 250
    assert abs(green - 127) < 4
    assert abs(blue - 127) < 4


@pytest.mark.parametrize(
    ("width", "height", "side"), [(2000, 100, 100), (512, 512, 512), (300, 301, 300), (1900, 1700, 512)]
)
def test_a_square_is_cut_from_the_middle_and_not_made_larger(width: int, height: int, side: int) -> None:
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (width // 2 - 40, height // 2 - 40, width // 2 + 40, height // 2 + 40))

    made = prepare(encoded(image), "image/jpeg", LIMITS, square_px=512)

    with Image.open(io.BytesIO(made.body)) as shown:
        assert shown.size == (made.width, made.height) == (side, side)
        red, _, blue = shown.getpixel((side // 2, side // 2))
        assert red > blue


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
