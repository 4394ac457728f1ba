"""A place in a history as a text that a client hands back: when the last scan of a page was opened, and its id.

It is checked, not secret: it holds nothing but the client's own scan, and opens nothing but the client's own history.
The digest tells a cut, changed or borrowed cursor from a right one, so that none silently shows a wrong page.
"""

import base64
import hashlib
import re
import struct
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.kernel.errors import Unprocessable

_PLACE = struct.Struct(">q16s")  # microseconds since 1970, UUID
_DIGEST_BYTES = 6
_TEXT = re.compile(r"[A-Za-z0-9_-]{40}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Cursor:
    """The last scan of a page; the next page begins behind it."""

    created_at: datetime
    scan_id: uuid.UUID

    def encode(self, owner: str) -> str:
        """40 characters that are safe in an address."""
        place = _PLACE.pack((self.created_at - _EPOCH) // _MICROSECOND, self.scan_id.bytes)
        return base64.urlsafe_b64encode(place + _digest(owner, place)).decode()

    @classmethod
    def decode(cls, text: str, owner: str) -> "Cursor":
        """The cursor that `encode` made for this owner. Raises `Unprocessable` ``cursor_invalid`` for any other."""
        if not _TEXT.fullmatch(text):
            raise _invalid()
        read = base64.urlsafe_b64decode(text)
        place = read[: _PLACE.size]
        if read[_PLACE.size :] != _digest(owner, place):
            raise _invalid()
        microseconds, scan_id = _PLACE.unpack(place)
        try:
            return cls(_EPOCH + timedelta(microseconds=microseconds), uuid.UUID(bytes=scan_id))
        except OverflowError:
            raise _invalid() from None


def _digest(owner: str, place: bytes) -> bytes:
    return hashlib.blake2b(place, digest_size=_DIGEST_BYTES, key=owner.encode()).digest()


def _invalid() -> Unprocessable:
    return Unprocessable(
        "cursor_invalid",
        "The cursor is none that this history gave out. Begin again without one.",
        [{"field": "cursor", "message": "is none that this history gave out"}],
    )
