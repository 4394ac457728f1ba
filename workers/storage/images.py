"""Where pictures stand in the object store, and which keys are ours to delete."""

import hashlib
import re

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
AVATAR = ".avatar"
"""A task whose id ends so stores a user's picture, not a scan's."""

_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PICTURE = re.compile(r"(scans|avatars)/([0-9a-f]{2})/\2[0-9a-f]{62}\.(jpg|png|webp)", re.ASCII)
_UPLOAD = re.compile(f"uploads/{_UUID}", re.ASCII)


def image_key(task_id: str, body: bytes, content_type: str) -> str:
    """``scans/ab/ab34….jpg``, or ``avatars/…``: made from the task and the content.

    The same task gives the same key however often it is run, and no two tasks share an object.
    Raises `ValueError` for a type that no picture of ours has.
    """
    if content_type not in EXTENSIONS:
        raise ValueError(f"{content_type} is not a type of picture that is stored")
    digest = hashlib.sha256(task_id.encode() + b"\0" + body).hexdigest()
    folder = "avatars" if task_id.endswith(AVATAR) else "scans"
    return f"{folder}/{digest[:2]}/{digest}.{EXTENSIONS[content_type]}"


def is_upload(key: object) -> bool:
    """Whether this is the key of a photo that a client has uploaded."""
    return isinstance(key, str) and _UPLOAD.fullmatch(key) is not None


def may_be_deleted(key: object) -> bool:
    """Whether this is a key that we give to pictures; nothing else of the store is ours to delete."""
    return is_upload(key) or (isinstance(key, str) and _PICTURE.fullmatch(key) is not None)
