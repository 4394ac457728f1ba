"""The picture that is sent: small, because a model's price goes by size."""

import base64
import io

from PIL import Image

from workers.ai.local.photo import opened


def data_url(photo: Image.Image | bytes, *, side_px: int, quality: int = 80) -> str:
    """The photo as a JPEG of at most `side_px` pixels a side, in a ``data:`` URL. Raises PhotoUnreadable."""
    picture = opened(photo).copy()
    picture.thumbnail((side_px, side_px))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
