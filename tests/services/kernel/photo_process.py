"""A process that prepares photos as the gateway does, and tells what memory that took.

    python -m tests.services.kernel.photo_process COUNT BUDGET [SQUARE_PX] < PHOTO

Prints {"base_bytes", "peak_bytes", "needed_bytes", "size", "refused"}. `base_bytes` is the peak before, after each
decoder has once worked; `needed_bytes` is what `examine` says that one takes.
"""

import services.kernel.green  # noqa: F401  (before all others)

# isort: split
import io
import json
import resource
import sys
from typing import Any

import eventlet
from PIL import Image

from services.kernel.config import Images
from services.kernel.darkroom import Darkroom
from services.kernel.errors import Problem
from services.kernel.photos import examine


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def limits(decode_bytes: int) -> Images:
    """The defaults, but for the pixels: only the memory is to refuse."""
    return Images(
        max_bytes=10_485_760,
        max_pixels=200_000_000,
        decode_bytes=decode_bytes,
        decode_at_once=16,
        decode_wait_s=120,
        min_side_px=16,
        max_side_px=2048,
        jpeg_quality=88,
        cache_max_age_s=60,
    )


def warm(darkroom: Darkroom) -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        file = io.BytesIO()
        Image.new("RGBA" if form != "JPEG" else "RGB", (64, 64)).save(file, form)
        darkroom.prepare(file.getvalue, None)


def main(count: int, budget: int, square_px: int | None = None) -> dict[str, Any]:
    darkroom = Darkroom(limits(budget), 120)
    warm(darkroom)
    upload = sys.stdin.buffer.read()
    base, needed, size, refused = peak_bytes(), 0, (0, 0), None
    try:
        needed = examine(upload, None, limits(budget), square_px).memory_bytes
        made = [
            eventlet.spawn(darkroom.prepare, lambda: bytes(bytearray(upload)), None, square_px) for _ in range(count)
        ]
        for each in made:
            photo = each.wait()
            size = (photo.width, photo.height)
    except Problem as problem:
        refused = problem.code
    return {
        "base_bytes": base,
        "peak_bytes": peak_bytes(),
        "needed_bytes": needed,
        "size": size,
        "refused": refused,
    }


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
