"""What memory a photo takes while it is decoded and shrunk, told from its header.

Measured with Pillow 13, whose pixels take one byte in the modes 1, L and P and four in all others but I;16;
tests/services/kernel/test_photo_memory.py holds each figure against what a process really takes.
"""

from PIL import Image, JpegImagePlugin

FIXED = 8_000_000
"""Bytes: a decoder's tables, and the text that a PNG may hold (`services.kernel.photos` limits it)."""

UPLOAD_COPIES = 3
"""The upload, and what Pillow copies of it: a WebP twice, of a JPEG the segments before its pixels."""

WEBP_DECODING = 16
"""Bytes a pixel: libwebp's two canvases, the decoded frame, and the same frame as Pillow's own image."""

WEBP_DECODED = 13
"""Bytes a pixel: the canvases and the image, until it is closed, and a single band of it while that is shrunk."""

PNG = {"1": 2, "L": 1, "I;16": 6, "P": 5, "RGB": 4, "RGBA": 5, "LA": 9}
"""Bytes a pixel by mode: the image, and where it is not RGB already, what it is turned into."""

COLOUR_KEYED = 9
"""Bytes a pixel of a PNG that says which colour is transparent: the image, the same with an alpha channel, and that."""

REDUCING_GAP = 2.0
"""Before it is resampled, an image is averaged down to no less than twice (to four times) the wanted size."""


def memory_bytes(image: Image.Image, size: tuple[int, int], upload_bytes: int, wanted: tuple[int, int]) -> int:
    """At most so many bytes are held at once to decode `image` and shrink it to the size `wanted`.

    `image` is opened, drafted and not loaded; `size` is what its header says, before the draft.
    """
    pixels = image.width * image.height
    shrinking = _shrinking(image.size, wanted)
    if image.format == "WEBP":
        held = max(pixels * WEBP_DECODING, pixels * WEBP_DECODED + shrinking)
    elif image.format == "PNG":
        held = pixels * _png(image) + shrinking
    else:
        held = pixels * (1 if image.mode == "L" else 4) + max(_coefficients(image, size), shrinking)
    return FIXED + UPLOAD_COPIES * upload_bytes + held


def _png(image: Image.Image) -> int:
    if "transparency" in image.info and image.mode != "P":
        return COLOUR_KEYED
    return PNG.get(image.mode, max(PNG.values()))


def _shrinking(size: tuple[int, int], wanted: tuple[int, int]) -> int:
    """The averaged image, the one that is narrowed already, the shrunk one, and what is written of it."""
    width, height = size
    across = max(1, int(width / wanted[0] / REDUCING_GAP))
    down = max(1, int(height / wanted[1] / REDUCING_GAP))
    averaged = (width // across + 1) * (height // down + 1) if across * down > 1 else 0
    narrowed = wanted[0] * (height // down + 1)
    return 4 * (averaged + narrowed + 2 * wanted[0] * wanted[1])


def _coefficients(image: Image.Image, size: tuple[int, int]) -> int:
    """A JPEG in several scans is held as coefficients, two bytes for each sample of the whole image, until the last."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or not _has_several_scans(image):
        return 0
    tallest = max(vertical for _, vertical, _, _ in image.layer)
    widest = max(horizontal for _, _, horizontal, _ in image.layer)
    shares = sum(vertical * horizontal for _, vertical, horizontal, _ in image.layer) / (tallest * widest)
    whole_blocks = (size[0] + 8 * widest) * (size[1] + 8 * tallest)
    return int(2 * shares * whole_blocks)


def _has_several_scans(image: JpegImagePlugin.JpegImageFile) -> bool:
    """Progressive, or its components one after the other.

    Pillow has read up to the first scan's header, whose length grows with its components; it keeps nothing of it.
    """
    if "progressive" in image.info:
        return True
    fp = image.fp
    assert fp is not None
    here = fp.tell()
    length = 6 + 2 * image.layers  # of a header that names every component
    fp.seek(max(0, here - length - 2))
    header = fp.read(length + 2)
    fp.seek(here)
    return header[:5] != b"\xff\xda" + length.to_bytes(2, "big") + bytes([image.layers])
