"""From a photo to the tensor that EfficientNet-Lite0 was trained on."""

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, ImageStat, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from services.kernel.orientation import TURNS

SIDE = 224
# The authors' own: (x - 127) / 128 on 0..255, from tensorflow/tpu efficientnet/lite.
MEAN = 127 / 255
SPREAD = 128 / 255
# Named through their plug-ins because Pillow registers WebP only when its module is imported.
FORMATS = tuple(
    plugin.format
    for plugin in (JpegImagePlugin.JpegImageFile, PngImagePlugin.PngImageFile, WebPImagePlugin.WebPImageFile)
)
# Decoded 3 bytes a pixel, so at most 75 MB. Larger JPEGs pass: they are scaled down while they are decoded.
MAX_DECODED_PIXELS = 25_000_000


class PhotoUnreadable(Exception):
    """The bytes are no picture that can be decoded here, or one too large to be decoded safely."""


def open_photo(data: bytes) -> Image.Image:
    """Returns the decoded RGB photo, upright by its EXIF orientation.

    A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size, never below twice the model's: a third of the time
    for 12 megapixels, and a sixteenth of the memory.

    Raises PhotoUnreadable.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
            if image.width * image.height > MAX_DECODED_PIXELS:
                raise PhotoUnreadable(f"{image.width}x{image.height} pixels are more than {MAX_DECODED_PIXELS}")
            turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
            photo = image.convert("RGB")
            return photo if turn is None else photo.transpose(turn)
    except PhotoUnreadable:
        raise
    except Exception as error:  # Pillow's decoders raise anything at damaged data; all of it means the same
        raise PhotoUnreadable(f"the photo cannot be decoded: {error}") from error


def opened(photo: Image.Image | bytes) -> Image.Image:
    """The photo, decoded unless it is already. Raises PhotoUnreadable."""
    return open_photo(photo) if isinstance(photo, bytes) else photo


def views_of(image: Image.Image) -> Iterator[NDArray[np.float32]]:
    """Yields four looks at the image, each a tensor as by ``tensor_of``.

    The whole of it, as a long thing may end outside the middle, and its middle square; each also mirrored. The mean
    over several crops and scales errs less than one crop: Krizhevsky et al. 2012, Szegedy et al. 2015. Closer crops
    did not help on the calibration photos.
    """
    photo = image.convert("RGB")
    for view in (whole_of(photo), photo):
        tensor = tensor_of(view)
        yield tensor
        yield np.ascontiguousarray(tensor[..., ::-1])


def whole_of(image: Image.Image) -> Image.Image:
    """Returns the whole image in a square of 224 pixels, on its own mean colour."""
    scale = SIDE / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    small = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    red, green, blue = (round(value) for value in ImageStat.Stat(small).mean)
    square = Image.new("RGB", (SIDE, SIDE), (red, green, blue))
    square.paste(small, ((SIDE - width) // 2, (SIDE - height) // 2))
    return square


def tensor_of(image: Image.Image) -> NDArray[np.float32]:
    """Returns the middle square of the image as float32 [1, 3, 224, 224], values about -1 to 1.

    The shorter side becomes 224 pixels by bicubic resampling, so that nothing of it is lost: people do not
    always put the thing they ask about in the middle 87 % that ImageNet's evaluation looks at.
    """
    square = ImageOps.fit(image.convert("RGB"), (SIDE, SIDE), Image.Resampling.BICUBIC)
    pixels = np.asarray(square, dtype=np.float32)
    scaled = (pixels * np.float32(1 / 255) - np.float32(MEAN)) * np.float32(1 / SPREAD)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])
