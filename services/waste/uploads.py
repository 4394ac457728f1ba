"""Photos that clients put into the object store themselves, by an address that takes one PUT of one type and size.

The states stand in ``migrations/0004-uploads.sql``. Every change is one guarded statement. Somebody else's upload is as
none; one of nobody is for whoever knows its id, which is random.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from services.kernel.arguments import Id, Line, checked, missing
from services.kernel.config import Config
from services.kernel.errors import Conflict, TooLarge, TooManyRequests, Unprocessable
from services.kernel.objects import ObjectMissing, ObjectRefused, ObjectStore
from services.waste.signatures import SIGNATURE_BYTES, begins_as
from services.waste.tables import Upload

ContentType = Literal["image/jpeg", "image/png", "image/webp"]
Viewer = Annotated[str, Id("user")] | None
UploadId = Annotated[str, Id("upload")]
Drop = Callable[[str], None]
"""Queues the deletion of the object of this key; raises when that cannot be."""

FOLDER = "uploads/"
GRACE = timedelta(seconds=60)
"""Clocks differ, and a PUT that began in time may end late."""
AT_ONCE = 200
GONE = "gone"
"""The scope of an upload whose user is gone."""

_WAITING = Upload.state.in_(("open", "completed"))
_ENDED = Upload.state.in_(("used", "expired"))


@checked
def open_upload(
    owner: Viewer,
    scope: Annotated[str, Line(1, 100)],
    content_type: ContentType,
    size: Annotated[int, Field(ge=1)],
    store: ObjectStore,
    settings: Config,
) -> dict[str, Any]:
    """``{"upload_id", "image_key", "url", "method", "headers", "expires_at"}``: PUT the photo to `url` with `headers`.

    Raises `TooLarge` ``image_too_large``; `TooManyRequests` ``too_many_uploads`` when `scope` has as many as it may.
    """
    if size > settings.images.max_bytes:
        limit = settings.images.max_bytes
        raise TooLarge("image_too_large", f"The image has {size} bytes; at most {limit} are taken.")
    rules = settings.uploads
    if _waiting_of(scope).count() >= rules.open_at_most:
        raise TooManyRequests(
            "too_many_uploads",
            f"At most {rules.open_at_most} uploads may wait. Use those, or let them expire.",
        )
    upload_id, expires_at = uuid.uuid4(), _now() + timedelta(seconds=rules.url_s)
    url = store.upload_url(key_of(upload_id), content_type=content_type, size=size, seconds=rules.url_s)
    Upload.insert(
        id=upload_id,
        owner=owner,
        scope=scope,
        state="open",
        content_type=content_type,
        bytes=size,
        expires_at=expires_at,
    ).execute()
    return {
        "upload_id": str(upload_id),
        "image_key": key_of(upload_id),
        "url": url,
        "method": "PUT",
        "headers": {"Content-Type": content_type, "Content-Length": str(size)},
        "expires_at": expires_at.isoformat(),
    }


@checked
def complete(upload_id: UploadId, viewer: Viewer, store: ObjectStore, keep_s: int) -> dict[str, Any]:
    """Check what was uploaded, then let a scan open with it for `keep_s` seconds; once more changes nothing.

    Returns ``{"upload_id", "image_key", "state", "content_type", "bytes", "expires_at"}``. Raises `NotFound`
    ``upload_not_found``, `Conflict` ``upload_expired``; `Unprocessable` ``upload_missing`` when nothing was put yet,
    and ``upload_mismatch`` when it is not what was declared: then it is deleted, and may be put again.
    """
    upload = _own(upload_id, viewer)
    if upload.state == "open" and not _expired(upload):
        _check(upload, store)
        changed = Upload.update(state="completed", expires_at=_now() + timedelta(seconds=keep_s)).where(
            (Upload.id == upload_id) & (Upload.state == "open")
        )
        changed.execute()
        upload = _own(upload_id, viewer)
    if upload.state != "used" and _expired(upload):
        raise _too_late()
    return {
        "upload_id": str(upload.id),
        "image_key": key_of(upload.id),
        "state": upload.state,
        "content_type": upload.content_type,
        "bytes": upload.bytes,
        "expires_at": upload.expires_at.isoformat(),
    }


def take(image_key: str, viewer: str | None, scan_id: uuid.UUID) -> Upload:
    """The completed upload of `image_key`, now used by this scan and by no other.

    Raises `NotFound` ``upload_not_found``, `Conflict` ``upload_unfinished``, ``upload_used`` or ``upload_expired``.
    """
    upload_id = image_key.removeprefix(FOLDER)
    mine = (Upload.id == upload_id) & _belongs_to(viewer)
    ready = mine & (Upload.state == "completed") & (Upload.expires_at > _now())
    taken = Upload.update(state="used", scan_id=scan_id).where(ready).returning(Upload)
    for upload in taken.execute():
        return upload  # type: ignore[no-any-return]
    state = _own(upload_id, viewer).state
    if state == "used":
        raise Conflict("upload_used", "This upload has opened a scan already. Each opens one.")
    if state == "open":
        raise Conflict("upload_unfinished", "This upload is not completed yet. Put the photo, then complete it.")
    raise _too_late()


def of_scan(scan_id: uuid.UUID) -> Upload | None:
    """The upload that opened a scan."""
    found: Upload | None = Upload.get_or_none(Upload.scan_id == scan_id)
    return found


def import_order(upload: Upload) -> dict[str, str]:
    """The storage worker's task for a used upload."""
    return {"key": key_of(upload.id), "content_type": upload.content_type}


def expire(drop: Drop) -> int:
    """Let uploads expire whose time is over; `drop` is given their keys. Returns how many."""
    over = _WAITING & (Upload.expires_at < _now() - GRACE)
    some = Upload.select(Upload.id).where(over).order_by(Upload.expires_at).limit(AT_ONCE)
    return _end(Upload.update(state="expired").where(Upload.id.in_(some) & over), drop)


def forget(after_s: float, drop: Drop) -> int:
    """Forget uploads that were used or expired so many seconds ago. Returns how many.

    Their objects are deleted once more: a slow PUT may have ended after the first time.
    """
    over = _ENDED & (Upload.expires_at < _now() - timedelta(seconds=after_s))
    some = Upload.select(Upload.id).where(over).order_by(Upload.expires_at).limit(AT_ONCE)
    return _end(Upload.delete().where(Upload.id.in_(some) & over), drop)


def erase(user_id: str, drop: Drop) -> int:
    """Nothing tells any more whose these uploads were, and nobody can use them. Returns how many there were."""
    gone = Upload.update(owner=None, scope=GONE, state="expired", scan_id=None).where(Upload.owner == user_id)
    return _end(gone, drop)


def key_of(upload_id: uuid.UUID) -> str:
    """Where the object of an upload stands."""
    return f"{FOLDER}{upload_id}"


def _waiting_of(scope: str) -> Any:
    return Upload.select().where((Upload.scope == scope) & _WAITING & (Upload.expires_at > _now()))


def _end(change: Any, drop: Drop) -> int:
    with Upload._meta.database.atomic():
        ended = list(change.returning(Upload.id).execute())
        for upload in ended:
            drop(key_of(upload.id))
    return len(ended)


def _own(upload_id: str, viewer: str | None) -> Upload:
    found: Upload | None = Upload.get_or_none((Upload.id == upload_id) & _belongs_to(viewer))
    if found is None:
        raise missing("upload")
    return found


def _belongs_to(viewer: str | None) -> Any:
    return Upload.owner.is_null() if viewer is None else Upload.owner == viewer


def _expired(upload: Upload) -> bool:
    return upload.state == "expired" or upload.expires_at <= _now()


def _check(upload: Upload, store: ObjectStore) -> None:
    key = key_of(upload.id)
    try:
        begun = store.beginning(key, SIGNATURE_BYTES)
    except ObjectMissing:
        raise Unprocessable("upload_missing", "There is no photo at the upload's address yet. Put it first.") from None
    except ObjectRefused:  # an object without bytes has no beginning
        raise _mismatch(store, key, "it cannot be read") from None
    if begun.size != upload.bytes:
        raise _mismatch(store, key, f"it has {begun.size} bytes and not the declared {upload.bytes}")
    if begun.content_type != upload.content_type:
        raise _mismatch(store, key, f"it was put as another type than the declared {upload.content_type}")
    if not begins_as(upload.content_type, begun.first):
        raise _mismatch(store, key, f"its bytes are no {upload.content_type}")


def _mismatch(store: ObjectStore, key: str, why: str) -> Unprocessable:
    store.delete(key)
    return Unprocessable("upload_mismatch", f"The upload is not what was declared: {why}. It is deleted; put it again.")


def _too_late() -> Conflict:
    return Conflict("upload_expired", "This upload has expired. Ask for a new one.")


def _now() -> datetime:
    return datetime.now(UTC)
