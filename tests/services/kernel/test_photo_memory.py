"""A small upload that takes the whole process's memory; and many at once that together take more than there is."""

import io
import json
import subprocess
import sys
import zlib
from typing import Any

import pytest
import yaml
from PIL import Image

from services.kernel.config import DEFAULTS, Images
from services.kernel.errors import Unprocessable
from services.kernel.photos import examine
from tests.services.kernel.photo_process import limits
from tests.stack import ROOT

BUDGET = limits(250_000_000).decode_bytes
REFUSED_BYTES = 8_000_000
"""What is refused by its header may cost so much: far less than a row of decoded pixels for each of the image's."""

PHONE = (4032, 3024)
BY_BUDGET: dict[str, tuple[str, tuple[int, int], dict[str, Any]]] = {
    "jpeg": ("RGB", (7700, 7700), {"format": "JPEG"}),
    "jpeg that is not scaled down": ("RGB", (4095, 4095), {"format": "JPEG"}),
    "jpeg in grey, progressive": ("L", (7700, 7700), {"format": "JPEG", "progressive": True}),
    "jpeg in print colours": ("CMYK", (7700, 7700), {"format": "JPEG"}),
    "jpeg, progressive": ("RGB", (7680, 7680), {"format": "JPEG", "progressive": True}),
    "jpeg, progressive, full colour": ("RGB", (5700, 5700), {"format": "JPEG", "progressive": True, "subsampling": 0}),
    "png": ("RGB", (6200, 6200), {"format": "PNG"}),
    "png with alpha": ("RGBA", (5500, 5500), {"format": "PNG"}),
    "png with a palette": ("P", (5500, 5500), {"format": "PNG"}),
    "png in grey with alpha": ("LA", (4200, 4200), {"format": "PNG"}),
    "png with a clear colour": ("RGB", (4200, 4200), {"format": "PNG", "transparency": (9, 9, 9)}),
    "png in 16 bits": ("I;16", (5000, 5000), {"format": "PNG"}),
    "webp": ("RGB", (3650, 3650), {"format": "WEBP", "method": 0}),
    "webp with alpha": ("RGBA", (3650, 3650), {"format": "WEBP", "method": 0}),
    "webp without loss": ("RGBA", (3650, 3650), {"format": "WEBP", "lossless": True, "method": 0}),
}
"""About the largest of each kind that the budget of 250 MB, or the limit of 60 million pixels, lets through."""


def blank(mode: str, size: tuple[int, int], options: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, **options)
    return file.getvalue()


def prepared(upload: bytes, count: int = 1, square_px: int | None = None) -> dict[str, Any]:
    """What a process of its own says of `count` times this upload at once."""
    words = [str(count), str(BUDGET), *([str(square_px)] if square_px else [])]
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.services.kernel.photo_process", *words],
        input=upload,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=180,
        check=True,
    )
    answer: dict[str, Any] = json.loads(told.stdout)
    answer["taken_bytes"] = answer["peak_bytes"] - answer["base_bytes"]
    return answer


@pytest.mark.parametrize("kind", BY_BUDGET)
def test_the_largest_of_each_kind_takes_what_its_header_says_and_no_more(kind: str) -> None:
    mode, size, options = BY_BUDGET[kind]

    told = prepared(blank(mode, size, options))

    assert told["refused"] is None
    assert told["taken_bytes"] <= told["needed_bytes"] <= BUDGET


@pytest.mark.parametrize("kind", ["jpeg", "png with alpha", "webp"])
def test_a_picture_of_a_user_keeps_to_it_too(kind: str) -> None:
    mode, size, options = BY_BUDGET[kind]

    told = prepared(blank(mode, size, options), square_px=512)

    assert told["size"] == [512, 512]
    assert told["taken_bytes"] <= told["needed_bytes"] <= BUDGET


@pytest.mark.parametrize("kind", ["png with alpha", "webp", "jpeg that is not scaled down"])
def test_many_at_once_share_the_budget(kind: str) -> None:
    mode, _, options = BY_BUDGET[kind]

    told = prepared(blank(mode, PHONE, options), count=6)

    assert told["size"] == [2048, 1536]
    assert told["taken_bytes"] <= BUDGET


@pytest.mark.parametrize("form", [{"format": "JPEG"}, {"format": "PNG"}, {"format": "WEBP", "method": 0}])
def test_a_phones_photo_is_taken_in_every_format_at_its_largest_upload(form: dict[str, Any]) -> None:
    """12 megapixels, and the upload at its limit: what stands behind the picture counts as well."""
    upload = blank("RGB", PHONE, form)

    negative = examine(upload + bytes(limits(BUDGET).max_bytes - len(upload)), None, limits(BUDGET))

    assert negative.memory_bytes <= BUDGET


def test_48_megapixels_of_a_phone_are_taken() -> None:
    for progressive in (False, True):
        told = prepared(blank("RGB", (8000, 6000), {"format": "JPEG", "progressive": progressive}))

        assert told["size"] == [2048, 1536]
        assert told["taken_bytes"] <= told["needed_bytes"] <= BUDGET


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def claiming_png(width: int, height: int) -> bytes:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 6, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def claiming_webp(width: int, height: int) -> bytes:
    """A still picture of 64 x 64 whose container says otherwise."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + (10).to_bytes(4, "little") + bytes(4) + size
    body += blank("RGB", (64, 64), {"format": "WEBP", "lossless": True})[12:]
    return b"RIFF" + len(body).to_bytes(4, "little") + body


REFUSED = {
    "png, 20,000 x 3,000": claiming_png(20_000, 3_000),
    "png, 2 billion x 2 billion": claiming_png(2_000_000_000, 2_000_000_000),
    "webp, 16,000 x 3,000": blank("RGB", (16_000, 3_000), {"format": "WEBP", "lossless": True, "method": 0}),
    "webp, 7,700 x 7,700 with alpha": blank("RGBA", (7_700, 7_700), {"format": "WEBP", "lossless": True, "method": 0}),
    "png, 7,600 x 7,600": blank("RGB", (7_600, 7_600), {"format": "PNG"}),
    "jpeg, progressive, full colour": blank("CMYK", (7_700, 7_700), {"format": "JPEG", "progressive": True}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_takes_more_is_refused_without_being_decoded(kind: str) -> None:
    told = prepared(REFUSED[kind])

    assert told["refused"] == "image_too_many_pixels"
    assert told["taken_bytes"] <= REFUSED_BYTES + 3 * len(REFUSED[kind])


def test_a_webp_that_claims_20_000_by_3_000_is_refused_without_being_decoded() -> None:
    """libwebp may find the claim false before us: it is refused either way."""
    told = prepared(claiming_webp(20_000, 3_000))

    assert told["refused"] in ("image_too_many_pixels", "image_damaged", "not_an_image")
    assert told["taken_bytes"] <= REFUSED_BYTES


def test_components_that_come_one_after_the_other_count_as_progressive() -> None:
    """What jpegtran writes with a scan for each component: Pillow's header does not tell it from a plain one."""
    plain = blank("RGB", (7000, 7000), {"format": "JPEG"})
    at = plain.index(b"\xff\xda")
    one_by_one = (
        plain[:at] + b"\xff\xda\x00\x08\x01" + plain[at + 5 : at + 7] + plain[at + 11 : at + 14] + plain[at + 14 :]
    )

    several, single = (examine(upload, None, limits(BUDGET)).memory_bytes for upload in (one_by_one, plain))

    assert several - single > 7000 * 7000


def test_compressed_text_in_a_png_is_limited() -> None:
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(900_000)))
    png = blank("RGB", (64, 64), {"format": "PNG"})
    with pytest.raises(Unprocessable) as refused:
        examine(png[:33] + text * 60 + png[33:], None, limits(BUDGET))

    assert refused.value.code == "image_damaged"


def test_the_budget_that_is_measured_here_is_the_default() -> None:
    defaults = Images.model_validate(yaml.safe_load(DEFAULTS.read_text())["images"])
    assert defaults.decode_bytes == BUDGET
    assert defaults.max_pixels == 60_000_000
