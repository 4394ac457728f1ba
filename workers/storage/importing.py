"""A photo that a client has uploaded becomes a picture as any other: checked, upright, stripped, shrunk."""

from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from services.kernel.config import Images
from services.kernel.darkroom import Darkroom
from services.kernel.errors import Problem, Unavailable
from services.kernel.objects import ObjectMissing, ObjectTooLarge
from wal import PermanentError
from workers.storage.images import image_key, is_upload


class Store(Protocol):
    """What of the object store is needed here."""

    def get(self, key: str, at_most: int | None = None) -> bytes: ...

    def put(self, key: str, body: bytes, *, content_type: str, cache_control: str) -> None: ...


class ImportOrder(BaseModel):
    """The payload of a task ``image.import``: which upload, and the type it was declared with."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, StringConstraints(max_length=100)]
    content_type: Annotated[str, Field(pattern=r"^image/(jpeg|png|webp)$")]


def order_of(payload: Any) -> ImportOrder:
    """The order in a task's payload. Raises `PermanentError` for one that names no upload."""
    try:
        order = ImportOrder.model_validate(payload)
    except ValidationError as error:
        raise PermanentError(f"no order to import: {error.errors(include_input=False)}") from None
    if not is_upload(order.key):
        raise PermanentError("no order to import: the key is none of an upload")
    return order


def store_upload(task_id: str, order: ImportOrder, store: Store, limits: Images, photos: Darkroom) -> dict[str, Any]:
    """Store the picture that is made of an upload.

    Returns ``{"key", "bytes", "width", "height", "content_type"}``; of an upload that is no photo
    ``{"refused": {"code", "detail"}}``: a user's mistake is no failure of the worker. Raises `Unavailable` where
    too many others are decoded.
    """
    raw = b""

    def read() -> bytes:
        nonlocal raw
        raw = store.get(order.key, limits.max_bytes)
        return raw

    try:
        photo = photos.prepare(read, order.content_type)
    except ObjectMissing:
        return _refused("upload_missing", "The uploaded photo is not in the store. Upload it again.")
    except ObjectTooLarge:
        return _refused("image_too_large", f"At most {limits.max_bytes} bytes are taken.")
    except Unavailable:
        raise
    except Problem as problem:
        return _refused(problem.code, problem.detail)
    # Made from what was uploaded, not from what Pillow makes of it: another version writes other bytes.
    key = image_key(task_id, raw, photo.content_type)
    store.put(key, photo.body, content_type=photo.content_type, cache_control=cache_control(limits))
    return {
        "key": key,
        "bytes": len(photo.body),
        "width": photo.width,
        "height": photo.height,
        "content_type": photo.content_type,
    }


def cache_control(limits: Images) -> str:
    """What caches are told of a stored picture: it never changes."""
    return f"public, max-age={limits.cache_max_age_s}, immutable"


def _refused(code: str, detail: str) -> dict[str, Any]:
    return {"refused": {"code": code, "detail": detail}}
