"""Image inputs: what the service takes, and what they cost in tokens (an approximation)."""

import base64
import binascii
import io
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from PIL import Image

from .openai_errors import ApiError, invalid_value

_DATA_URL = re.compile(r"data:(image/[a-z0-9.+-]+);base64,", re.IGNORECASE)
_FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
_BASE_TOKENS, _TILE_TOKENS, _TILE_PX, _FIT_PX, _SHORT_SIDE_PX = 70, 140, 512, 2048, 768


@dataclass(frozen=True)
class ImageInput:
    """One image of a request. Width and height (pixels) and `format` are None behind http(s), which is not fetched."""

    detail: str
    size_bytes: int
    format: str | None = None
    width: int | None = None
    height: int | None = None

    @property
    def tokens(self) -> int:
        """70 for low detail; else 70 and 140 for each 512 px tile after the service's scaling."""
        if self.detail == "low":
            return _BASE_TOKENS
        width, height = float(self.width or _TILE_PX), float(self.height or _TILE_PX)
        if self.detail != "original":
            fit = min(1.0, _FIT_PX / max(width, height))
            fit *= min(1.0, _SHORT_SIDE_PX / (min(width, height) * fit))
            width, height = width * fit, height * fit
        # An eighth of a pixel less: a side that was scaled to exactly n tiles may come out a hair above it.
        tiles = math.ceil((width - 0.125) / _TILE_PX) * math.ceil((height - 0.125) / _TILE_PX)
        return _BASE_TOKENS + _TILE_TOKENS * tiles


@lru_cache(maxsize=16)  # load runs send the same few pictures again and again
def read_image(url: str, detail: str, param: str) -> ImageInput:
    """Check one image URL that stands at `param`; raises ApiError as the service would."""
    if url.startswith(("http://", "https://")):
        if not urlsplit(url).netloc:
            raise invalid_value(param, "expected a valid URL.")
        return ImageInput(detail, 0)
    head = _DATA_URL.match(url)
    if not head:
        wanted = "a base64-encoded data URL with an image MIME type (such as 'data:image/png;base64,aW1n') or a URL"
        raise invalid_value(param, f"expected {wanted}.")
    try:
        content = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(f"Invalid base64 in '{param}'.", param, "invalid_base64_image") from None
    if not content:
        raise ApiError(f"The image at '{param}' is empty.", param, "empty_image_file")
    found = _decoded(content)
    if found is None:
        message = f"The image data at '{param}' does not represent a valid image."
        raise ApiError(message, param, "image_parse_error")
    format_, width, height, frames = found
    declared = head[1].lower().replace("image/jpg", "image/jpeg")
    if format_ not in _FORMATS or frames > 1:
        message = f"The image at '{param}' is unsupported. Supported: png, jpeg, gif (not animated), webp."
        raise ApiError(message, param, "invalid_image_format")
    if _FORMATS[format_] != declared:
        message = f"The image at '{param}' was declared {declared}, but is {_FORMATS[format_]}."
        raise ApiError(message, param, "invalid_image_format")
    return ImageInput(detail, len(content), format_, width, height)


def _decoded(content: bytes) -> tuple[str, int, int, int] | None:
    """Format, width, height and number of frames, or None when it cannot be decoded to the end."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            # A JPEG at an eighth of its size is read to its end just the same, in a fraction of the time.
            image.draft("RGB", (max(1, width // 8), max(1, height // 8)))
            image.load()
            return image.format or "", width, height, getattr(image, "n_frames", 1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
