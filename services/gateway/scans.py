"""The HTTP side of scans: ``/api/waste/scans``."""

import hashlib
from collections.abc import Iterator
from typing import Any

import eventlet
from eventlet import tpool
from werkzeug.wrappers import Response

from services.gateway import photos, streams
from services.gateway.http import Call, answer
from services.kernel.errors import Unavailable, Unprocessable

LANGUAGES = ("ko", "en")


def create(call: Call) -> Response:
    """POST: a photo in the form field ``image``, optionally ``language`` and ``region`` (an id, a name, an address).

    202 with where to look for the answer.
    """
    viewer = call.viewer()
    scope, key = call.idempotency(viewer)
    upload, declared_type, fields = call.upload("image")
    language = fields.get("language", "ko")
    if language not in LANGUAGES:
        raise Unprocessable("language_unsupported", f"The language is one of: {', '.join(LANGUAGES)}.")
    region = call.services.recycle.region(fields["region"])["id"] if fields.get("region") else None
    photo = tpool.execute(photos.prepare, upload, declared_type, call.settings.images)
    opened = call.services.waste.open_scan(
        {
            "owner": viewer,
            "scope": scope,
            "idempotency_key": key,
            "request_sha256": hashlib.sha256(f"{language}{region or ''}".encode() + upload).hexdigest(),
            "language": language,
            "region": region,
            "image_bytes": len(photo.body),
            "image_width": photo.width,
            "image_height": photo.height,
        }
    )
    scan_id = opened["scan_id"]
    if opened["wants_image"]:
        call.services.tasks("image.store", photo.body, task_id=f"{scan_id}.store", content_type=photo.content_type)
    at = f"/api/waste/scans/{scan_id}"
    body = {"scan_id": scan_id, "status": "processing", "status_url": at, "events_url": f"{at}/events"}
    return answer(body, 202, {"Location": at, "Retry-After": "1"})


def read(call: Call, scan_id: str) -> Response:
    """GET: 200 with the finished scan, 202 while it is worked on."""
    scan = call.services.waste.scan(scan_id, call.viewer())
    if scan["status"] == "processing":
        return answer(scan, 202, {"Retry-After": "1"})
    return answer(scan)


def own(call: Call) -> Response:
    """GET: the user's own scans, the latest first."""
    owner, asked = call.user(), call.request.args
    limit = call.whole("limit", 20)
    return answer(
        call.services.waste.scans_of(owner, limit, asked.get("cursor"), asked.get("major"), asked.get("item_id"))
    )


def delete(call: Call, scan_id: str) -> Response:
    """DELETE: the user's own scan, with its answer and feedback."""
    call.services.waste.delete_scan(scan_id, call.user())
    return Response(status=204)


def feedback(call: Call, scan_id: str) -> Response:
    """POST: whether the answer is right; of a wrong one perhaps the correct item."""
    viewer = call.viewer()
    said = call.fields(("verdict",), ("item_id", "comment"))
    return answer(call.services.waste.feedback(scan_id, viewer, **said))


def events(call: Call, scan_id: str) -> Response:
    """GET: the progress as server-sent events, up to ``completed`` or ``failed``."""
    viewer = call.viewer()

    def ask() -> dict[str, Any]:
        scan: dict[str, Any] = call.services.waste.scan(scan_id, viewer)
        return scan

    ask()  # 404 before the stream begins
    listeners = call.services.listeners
    if not listeners.acquire(blocking=False):
        raise Unavailable("too_many_streams", "Too many clients listen here. Ask the scan's status_url instead.")
    lines = streams.follow(
        call.services.cache,
        scan_id,
        call.request.headers.get("Last-Event-ID"),
        ask,
        keepalive_s=call.settings.scans.sse_keepalive_s,
        pause=eventlet.sleep,
    )
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return Response(_Listening(lines, listeners), headers=headers, content_type="text/event-stream; charset=utf-8")


class _Listening:
    """A stream that gives its listener's place back, however it ends."""

    def __init__(self, lines: Iterator[str], listeners: eventlet.semaphore.Semaphore) -> None:
        self._lines = lines
        self._listeners = listeners
        self._open = True

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def close(self) -> None:
        if self._open:
            self._open = False
            self._listeners.release()
