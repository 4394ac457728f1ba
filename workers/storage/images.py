"""Where a picture goes in the object store."""

import hashlib

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


def image_key(body: bytes, content_type: str) -> str:
    """``scans/ab/ab34….jpg``: made from the content alone, so the same picture has one key.

    Raises `ValueError` for a type that no picture of ours has.
    """
    if content_type not in EXTENSIONS:
        raise ValueError(f"{content_type} is not a type of picture that is stored")
    digest = hashlib.sha256(body).hexdigest()
    return f"scans/{digest[:2]}/{digest}.{EXTENSIONS[content_type]}"
