"""What becomes of every photo before it is stored: checked without being trusted, put upright, stripped, shrunk.

The gateway does it to a photo that it is sent, the storage worker to one that was uploaded into the store.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from services.kernel.config import Images
from services.kernel.errors import Invalid, TooLarge, Unprocessable, UnsupportedMedia

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
UNDECLARED = {None, "", "application/octet-stream", "image/*"}
ALIASES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}

Image.MAX_IMAGE_PIXELS = None  # the limit is ours, checked from the header before anything is decoded


@dataclass(frozen=True)
class Photo:
    """An upright JPEG without metadata."""

    body: bytes
    width: int
    height: int
    content_type: str = "image/jpeg"


def prepare(upload: bytes, declared_type: str | None, limits: Images) -> Photo:
    """The photo to store, made from an upload. Takes up to a second of CPU for the largest.

    Raises `Invalid`, `TooLarge`, `UnsupportedMedia` or `Unprocessable`, each with a stable code.
    """
    if not upload:
        raise Invalid("image_empty", "The image field holds no bytes.")
    if len(upload) > limits.max_bytes:
        raise TooLarge("image_too_large", f"The image has {len(upload)} bytes; at most {limits.max_bytes} are taken.")
    image = _open(upload)
    _check_type(image, declared_type)
    _check_size(image, limits)
    try:
        return _normalise(image, limits)
    except Exception as error:  # Pillow's decoders raise whatever a broken file makes them trip over
        raise Unprocessable("image_damaged", "The image is damaged or cut off. Take or export it again.") from error


def _open(upload: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(upload))
    except UnidentifiedImageError as error:
        raise UnsupportedMedia("not_an_image", "The upload is no image. Send a JPEG, PNG or WebP.") from error
    except Exception as error:
        raise Unprocessable("image_damaged", "The image is damaged or cut off. Take or export it again.") from error


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


def _normalise(image: Image.Image, limits: Images) -> Photo:
    side = limits.max_side_px
    image.draft("RGB", (side, side))  # a JPEG is decoded at the size that is needed, not at 50 megapixels
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        upright = Image.new("RGB", layer.size, "white")
        upright.paste(layer, mask=layer.getchannel("A"))
    upright = upright.convert("RGB")
    upright.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    upright.save(buffer, "JPEG", quality=limits.jpeg_quality, optimize=False)
    return Photo(buffer.getvalue(), *upright.size)
