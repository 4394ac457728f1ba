"""What becomes of every photo before it is stored: checked without being trusted, put upright, stripped, shrunk.

The gateway does it to a photo that it is sent, the storage worker to one that was uploaded into the store; both by
`services.kernel.darkroom`, which bounds how many are decoded at once.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import ExifTags, Image, ImageChops, PngImagePlugin, UnidentifiedImageError

from services.kernel.config import Images
from services.kernel.errors import Invalid, TooLarge, Unprocessable, UnsupportedMedia
from services.kernel.orientation import TURNS
from services.kernel.photo_memory import REDUCING_GAP, memory_bytes

# MPO: a JPEG with further pictures behind it, such as a phone's brightness map. The first one counts.
FORMATS = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
UNDECLARED = {None, "", "application/octet-stream", "image/*"}
ALIASES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
STRIP_PX = 256

# Our limits are lower. Pillow refuses from twice this, and before it makes the canvas of a WebP.
Image.MAX_IMAGE_PIXELS = 100_000_000
# Compressed text in a PNG can be a thousand times as large as the upload; Pillow's own limit is 64 MiB.
PngImagePlugin.MAX_TEXT_MEMORY = 4 * PngImagePlugin.MAX_TEXT_CHUNK


@dataclass(frozen=True)
class Photo:
    """An upright JPEG without metadata."""

    body: bytes
    width: int
    height: int
    content_type: str = "image/jpeg"


@dataclass(frozen=True)
class Negative:
    """An upload that may be decoded, and has not been.

    `memory_bytes` is what `develop` holds at most, together with the upload itself.
    """

    image: Image.Image
    limits: Images
    wanted: tuple[int, int]
    box: tuple[float, float, float, float]
    memory_bytes: int

    def develop(self) -> Photo:
        """The photo to store; takes up to a second of CPU for the largest. Once only.

        Raises `Unprocessable` ``image_damaged``.
        """
        try:
            return self._developed()
        except Exception as error:  # Pillow's decoders raise whatever a broken file makes them trip over
            raise _damaged() from error

    def _developed(self) -> Photo:
        with self.image as image:
            image.load()
            turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
            shrunk = _shrunk(image, self.wanted, self.box)
        upright = shrunk if turn is None else shrunk.transpose(turn)
        buffer = io.BytesIO()
        upright.save(buffer, "JPEG", quality=self.limits.jpeg_quality, optimize=False)
        return Photo(buffer.getvalue(), *upright.size)


def prepare(upload: bytes, declared_type: str | None, limits: Images, square_px: int | None = None) -> Photo:
    """The photo to store, made from an upload: `examine`, then `develop`, and what they raise."""
    return examine(upload, declared_type, limits, square_px).develop()


def examine(upload: bytes, declared_type: str | None, limits: Images, square_px: int | None = None) -> Negative:
    """The upload, checked by its header alone. With `square_px`, its middle is cut out, at most so many pixels a side.

    Raises `Invalid`, `TooLarge`, `UnsupportedMedia` or `Unprocessable`, each with a stable code.
    """
    if not upload:
        raise Invalid("image_empty", "The image field holds no bytes.")
    if len(upload) > limits.max_bytes:
        raise TooLarge("image_too_large", f"The image has {len(upload)} bytes; at most {limits.max_bytes} are taken.")
    image = _open(upload)
    _check_type(image, declared_type)
    _check_size(image, limits)
    size = image.size
    try:
        wanted, box = _square(image, square_px) if square_px else _whole(image, limits.max_side_px)
        needed = memory_bytes(image, size, len(upload), wanted)
    except Exception as error:
        raise _damaged() from error
    if needed > limits.decode_bytes:
        raise Unprocessable(
            "image_too_many_pixels",
            f"To decode {size[0]} x {size[1]} pixels of this kind of {image.format} takes {needed // 1_000_000} MB; "
            f"at most {limits.decode_bytes // 1_000_000} are given. Send it smaller, or as a plain JPEG.",
        )
    return Negative(image, limits, wanted, box, needed)


def _open(upload: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(upload))
    except UnidentifiedImageError as error:
        raise UnsupportedMedia("not_an_image", "The upload is no image. Send a JPEG, PNG or WebP.") from error
    except Image.DecompressionBombError as error:
        raise Unprocessable("image_too_many_pixels", "The image has far more pixels than are taken.") from error
    except Exception as error:
        raise _damaged() from error


def _damaged() -> Unprocessable:
    return Unprocessable("image_damaged", "The image is damaged or cut off. Take or export it again.")


def _check_type(image: Image.Image, declared: str | None) -> None:
    actual = FORMATS.get(image.format or "")
    if actual is None:
        raise UnsupportedMedia(
            "image_type_unsupported", f"{image.format} images are not taken. Send a JPEG, PNG or WebP."
        )
    kind = (declared or "").partition(";")[0].strip().lower()
    if kind not in UNDECLARED and ALIASES.get(kind, kind) != actual:
        raise UnsupportedMedia("image_type_mismatch", f"The image field says {kind[:60]} but holds {actual}.")


def _check_size(image: Image.Image, limits: Images) -> None:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise Unprocessable(
            "image_too_many_pixels", f"The image has {width} x {height} pixels; at most {limits.max_pixels} are taken."
        )
    if min(width, height) < limits.min_side_px:
        raise Unprocessable(
            "image_too_small", f"The image has {width} x {height} pixels; each side needs {limits.min_side_px}."
        )


Cut = tuple[tuple[int, int], tuple[float, float, float, float]]
"""The size that is wanted, and the part of the image (left, upper, right, lower) that it is made of."""


def _whole(image: Image.Image, side: int) -> Cut:
    """The whole image, its longer side at most `side`. A JPEG is to be decoded at the size that is needed."""
    longer = max(image.size)
    if longer > side:
        image.draft("RGB", (max(1, image.width * side // longer), max(1, image.height * side // longer)))
    width, height = image.size
    scale = min(1.0, side / max(width, height))
    return (max(1, round(width * scale)), max(1, round(height * scale))), (0, 0, width, height)


def _square(image: Image.Image, side: int) -> Cut:
    """The middle of the image as a square. A JPEG is to be decoded at the size that is needed."""
    image.draft("RGB", (side, side))
    width, height = image.size
    shorter = min(width, height)
    left, upper = (width - shorter) / 2, (height - shorter) / 2
    return (min(side, shorter), min(side, shorter)), (left, upper, left + shorter, upper + shorter)


def _shrunk(image: Image.Image, wanted: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """A small RGB image of the large one, of which as little as possible is copied. It changes the large one."""
    plain = _without_palette(image)
    if plain.mode != "RGBA":
        return plain.resize(wanted, Image.Resampling.LANCZOS, box, REDUCING_GAP).convert("RGB")
    _lay_on_white(plain)
    bands = (plain.getchannel(band).resize(wanted, Image.Resampling.LANCZOS, box, REDUCING_GAP) for band in "RGB")
    return Image.merge("RGB", tuple(bands))


def _without_palette(image: Image.Image) -> Image.Image:
    """The image in a mode that can be averaged: itself, or a copy."""
    if image.mode in ("LA", "PA") or "transparency" in image.info:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in ("L", "RGB", "RGBA", "CMYK", "YCbCr") else image.convert("RGB")


def _lay_on_white(image: Image.Image) -> None:
    """Put an RGBA image on white, in its place and strip by strip."""
    for upper in range(0, image.height, STRIP_PX):
        strip = (0, upper, image.width, min(upper + STRIP_PX, image.height))
        clear = ImageChops.invert(image.crop(strip).getchannel("A"))
        image.paste((255, 255, 255, 255), strip, clear)
