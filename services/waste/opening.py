"""How a scan begins: with a photo that the gateway has checked, or with one that was uploaded into the store."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from peewee import EXCLUDED, SQL
from pydantic import BaseModel, ConfigDict, Field, model_validator
from uuid6 import uuid7

from services.kernel.arguments import parse
from services.kernel.errors import Unprocessable
from services.waste import uploads
from services.waste.scans import STAGES
from services.waste.tables import Scan, Upload

UPLOAD_KEY = r"^uploads/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class NewScan(BaseModel):
    """What the gateway knows of a photo: its size where it has checked it, or the `upload_key` of a completed upload.

    `request_sha256` is of the request as it came.
    """

    model_config = ConfigDict(extra="forbid")

    owner: uuid.UUID | None = None
    scope: str = Field(min_length=1, max_length=100)
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=255)
    request_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    language: str = Field(pattern=r"^(ko|en)$")
    region: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,49}$")
    image_bytes: int | None = Field(default=None, gt=0)
    image_width: int | None = Field(default=None, gt=0)
    image_height: int | None = Field(default=None, gt=0)
    upload_key: str | None = Field(default=None, pattern=UPLOAD_KEY)

    @model_validator(mode="after")
    def _size_or_upload(self) -> Self:
        known = {side is not None for side in (self.image_bytes, self.image_width, self.image_height)}
        if known != {self.upload_key is None}:
            raise ValueError("a photo has its bytes, width and height, or else an upload_key")
        return self


@dataclass(frozen=True)
class Opened:
    """A scan for a photo. `wants_image`: the caller has the picture, it is not stored yet, and is to be (re)queued."""

    scan_id: str
    created: bool
    wants_image: bool


def open_scan(request: dict[str, Any], queue_import: Callable[[uuid.UUID, Upload], None]) -> Opened:
    """A new scan, or the one that the same idempotency key has opened before.

    Once a scan of an upload is there, `queue_import` queues the storage worker's task.
    Raises `Unprocessable` (``idempotency_key_reused``) when the key came with another photo, and as `uploads.take`.
    """
    new = parse(NewScan, request)
    if new.upload_key is None:
        return _insert(new)
    with Scan._meta.database.atomic():
        opened = _insert(new)
        scan_id = uuid.UUID(opened.scan_id)
        owner = str(new.owner) if new.owner else None
        upload = uploads.take(new.upload_key, owner, scan_id) if opened.created else uploads.of_scan(scan_id)
    if opened.wants_image and upload is not None:
        queue_import(scan_id, upload)
    return replace(opened, wants_image=False)


def _insert(new: NewScan) -> Opened:
    scan = Scan.insert(
        id=uuid.UUID(int=uuid7().int),
        **new.model_dump(exclude={"upload_key"}),
        imported=new.upload_key is not None,
        state="queued",
        stage="queued",
        percent=STAGES["queued"],
    )
    if new.idempotency_key is None:
        row = next(iter(scan.returning(Scan).execute()))
        return Opened(str(row.id), created=True, wants_image=True)
    # DO UPDATE, though it changes nothing, so that RETURNING gives the row that was there.
    kept = scan.on_conflict(
        conflict_target=[Scan.scope, Scan.idempotency_key],
        conflict_where=Scan.idempotency_key.is_null(False),
        update={Scan.scope: EXCLUDED.scope},
    )
    row = next(iter(kept.returning(Scan, SQL("(xmax = 0)").alias("created")).execute()))
    if row.request_sha256 != new.request_sha256:
        raise Unprocessable(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another photo. Send a new key with a new photo.",
        )
    return Opened(str(row.id), created=row.created, wants_image=row.state == "queued")
