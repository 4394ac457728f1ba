"""Scans and uploads: ``/api/waste``."""

import hashlib
from typing import Annotated, Any, Literal

import eventlet
from pydantic import BeforeValidator, ConfigDict, Field
from werkzeug.wrappers import Response

from services.gateway import streams
from services.gateway.api.disposal import ItemId, Passage
from services.gateway.api.recycle import KEPT_S, Categories, Place, categories
from services.gateway.api.scan import Scan, Scans
from services.gateway.call import Call, File, Reply
from services.gateway.idempotency import key_of
from services.gateway.listening import Listener
from services.gateway.route import EVENTS, Route, Upload
from services.gateway.shapes import Answer, Body, Lang, Query, Time, Uuid
from services.kernel import arguments
from services.kernel.errors import Conflict, NotFound

PhotoType = Literal["image/jpeg", "image/png", "image/webp"]
Verdict = Literal["right", "wrong"]
UploadKey = Annotated[str, Field(pattern=r"^uploads/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Word = Annotated[str, arguments.Line(1, 100)]


class Form(Query):
    """The other fields of the form with the photo. A region that is left empty is none."""

    language: Lang = "ko"
    region: Annotated[Place | None, BeforeValidator(lambda text: text or None)] = None


class NewScan(Body):
    """Instead of a form with the photo: the key of a completed upload."""

    image_key: UploadKey
    language: Lang = "ko"
    region: Place | None = None


class NewUpload(Body):
    """The exact type and size of the photo that will be put."""

    content_type: PhotoType
    bytes: int = Field(ge=1)


class NewFeedback(Body):
    """`item_id` is the right item of a wrong answer."""

    verdict: Verdict
    item_id: Word | None = None
    comment: Annotated[str, arguments.Lines(1, 500)] | None = None


class Page(Query):
    limit: int = Field(20, ge=1, le=100)
    cursor: Annotated[str, Field(max_length=100, description="`next` of the page before")] | None = None
    major: Word | None = None
    item_id: Word | None = None


class Opened(Answer):
    scan_id: Uuid
    status: Literal["processing"]
    status_url: str
    events_url: str


class PutHeaders(Answer):
    """Send these as they are: they are signed."""

    model_config = ConfigDict(serialize_by_alias=True)

    content_type: PhotoType = Field(alias="Content-Type")
    content_length: str = Field(alias="Content-Length")


class OpenedUpload(Answer):
    """Where the photo can be put, once, until `expires_at`; then complete the upload."""

    upload_id: Uuid
    image_key: str
    url: str
    method: Literal["PUT"]
    headers: PutHeaders
    expires_at: Time


class CompletedUpload(Answer):
    """A scan can be opened with it until `expires_at`; it is `used` when one was."""

    upload_id: Uuid
    image_key: str
    state: Literal["completed", "used"]
    content_type: PhotoType
    bytes: int
    expires_at: Time


class Feedback(Answer):
    scan_id: Uuid
    verdict: Verdict
    item_id: ItemId | None
    comment: Passage | None
    created_at: Time
    updated_at: Time


def create(call: Call, body: NewScan | None, file: File | None, form: Form | None) -> Reply:
    """A photo in the form field `image`, or the key of an upload: 202 with where to look for the answer.

    An Idempotency-Key that comes again with the same photo finds the same scan.
    """
    asked = body or form or Form()
    key = key_of(call.request)
    region = call.services.recycle.region(asked.region)["id"] if asked.region else None
    about = f"{asked.language}{region or ''}".encode()
    order: dict[str, Any] = {
        "owner": call.viewer,
        "scope": _scope(call),
        "idempotency_key": key,
        "language": asked.language,
        "region": region,
    }
    if file is None:
        image_key = body.image_key if body else ""
        order |= {"request_sha256": hashlib.sha256(about + image_key.encode()).hexdigest(), "upload_key": image_key}
        return _opened(call.services.waste.open_scan(order)["scan_id"])
    photo = call.services.photos.prepare(file.read, file.declared_type)
    digest = hashlib.sha256(about)
    file.feed(digest)
    order |= {
        "request_sha256": digest.hexdigest(),
        "image_bytes": len(photo.body),
        "image_width": photo.width,
        "image_height": photo.height,
    }
    opened = call.services.waste.open_scan(order)
    if opened["wants_image"]:
        task_id = f"{opened['scan_id']}.store"
        call.services.tasks("image.store", photo.body, task_id=task_id, content_type=photo.content_type)
    return _opened(opened["scan_id"])


def scan(call: Call, scan_id: str) -> Reply:
    """200 with the finished scan, 202 while it is worked on."""
    found = call.services.waste.scan(scan_id, call.viewer)
    if found["status"] == "processing":
        return Reply(found, status=202, headers={"Retry-After": "1"})
    return Reply(found)


def scans(call: Call, query: Page) -> Any:
    return call.services.waste.scans_of(call.user, query.limit, query.cursor, query.major, query.item_id)


def delete(call: Call, scan_id: str) -> None:
    """With its answer, its feedback and its picture."""
    call.services.waste.delete_scan(scan_id, call.user)


def feedback(call: Call, scan_id: str, body: NewFeedback) -> Any:
    """The last word counts."""
    return call.services.waste.feedback(scan_id, call.viewer, body.verdict, body.item_id, body.comment)


def events(call: Call, scan_id: str) -> Response:
    """Up to `completed` or `failed`, which carry the whole scan; 204 for who has heard its end."""

    def ask() -> dict[str, Any]:
        found = call.services.waste.scan(scan_id, call.viewer)
        return Scan.model_validate(found).model_dump(mode="json")

    scan_id = ask()["scan_id"]  # 404 before the stream begins
    last_id = call.request.headers.get("Last-Event-ID")
    if last_id == streams.END:
        return Response(status=204)
    lines = streams.follow(
        call.services.cache,
        scan_id,
        last_id,
        ask,
        keepalive_s=call.settings.scans.sse_keepalive_s,
        pause=eventlet.sleep,
    )
    return Listener(call, "scan").stream(lines)


def open_upload(call: Call, body: NewUpload) -> Any:
    """The address takes one PUT of exactly this type and size."""
    return call.services.waste.upload_open(call.viewer, _scope(call), body.content_type, body.bytes)


def complete_upload(call: Call, upload_id: str) -> Any:
    """What was put is checked: its size, its type, its first bytes. Once more changes nothing."""
    return call.services.waste.upload_complete(upload_id, call.viewer)


def _scope(call: Call) -> str:
    """Whose idempotency keys and open uploads these are: a user's, or an address's where nobody signed in."""
    return call.viewer or f"address:{hashlib.sha256(call.address.encode()).hexdigest()[:32]}"


def _opened(scan_id: str) -> Reply:
    at = f"/api/waste/scans/{scan_id}"
    answer = {"scan_id": scan_id, "status": "processing", "status_url": at, "events_url": f"{at}/events"}
    return Reply(answer, headers={"Location": at, "Retry-After": "1"})


AT = "/api/waste"
ROUTES = (
    Route(
        "POST",
        f"{AT}/scans",
        create,
        "Send a photo, or open a scan with an upload",
        body=NewScan,
        upload=Upload("image", Form),
        answer=Opened,
        status=202,
        auth="optional",
        limit="upload",
        own_key=True,
        problems=(NotFound,),
    ),
    Route("GET", f"{AT}/scans", scans, "Own scans, the latest first", query=Page, answer=Scans, auth="user"),
    Route("GET", f"{AT}/scans/<scan_id>", scan, "One scan", answer=Scan, also=(202,), auth="optional"),
    Route(
        "GET",
        f"{AT}/scans/<scan_id>/events",
        events,
        "A scan's progress as it happens; goes on after Last-Event-ID",
        answer=EVENTS,
        also=(204,),
        auth="optional",
    ),
    Route("DELETE", f"{AT}/scans/<scan_id>", delete, "Delete one's own scan", status=204, auth="user"),
    Route(
        "POST",
        f"{AT}/scans/<scan_id>/feedback",
        feedback,
        "Whether the answer is right, and what it is instead",
        body=NewFeedback,
        answer=Feedback,
        auth="optional",
        problems=(Conflict,),
    ),
    Route("GET", f"{AT}/categories", categories, "The classes and kinds of waste", answer=Categories, kept_s=KEPT_S),
    Route(
        "POST",
        f"{AT}/uploads",
        open_upload,
        "Where to put a photo without sending it through the API",
        body=NewUpload,
        answer=OpenedUpload,
        status=201,
        auth="optional",
        limit="upload",
    ),
    Route(
        "POST",
        f"{AT}/uploads/<upload_id>/complete",
        complete_upload,
        "The photo was put: check it",
        answer=CompletedUpload,
        auth="optional",
        limit="upload",
        problems=(Conflict,),
    ),
)
