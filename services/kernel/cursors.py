"""A place in a list as a text that a client hands back, so that the next page begins behind it.

It is checked, not secret: it holds nothing but a place in what the client may read. The digest tells a cut, changed or
borrowed cursor from a right one, so that none silently shows a wrong page.
"""

import base64
import binascii
import hashlib
import re
import struct
import uuid
from datetime import UTC, datetime, timedelta

from services.kernel.errors import Unprocessable

_MOMENT = struct.Struct(">q16s")  # microseconds since 1970, UUID
_NUMBER = struct.Struct(">q")
_DIGEST_BYTES = 6
_TEXT = re.compile(r"[A-Za-z0-9_-]{1,60}={0,2}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def at_moment(moment: datetime, thing: uuid.UUID, whose: str) -> str:
    """The cursor of what lies behind a `thing` of this moment, in the list of `whose`; safe in an address."""
    return _encode(_MOMENT.pack((moment - _EPOCH) // _MICROSECOND, thing.bytes), whose)


def moment(cursor: str, whose: str) -> tuple[datetime, uuid.UUID]:
    """What `at_moment` was given. Raises `Unprocessable` ``cursor_invalid``."""
    microseconds, thing = _MOMENT.unpack(_decode(cursor, whose, _MOMENT.size))
    try:
        return _EPOCH + timedelta(microseconds=microseconds), uuid.UUID(bytes=thing)
    except OverflowError:
        raise _invalid() from None


def at_number(number: int, whose: str) -> str:
    """The cursor of what lies behind this number, in the list of `whose`."""
    return _encode(_NUMBER.pack(number), whose)


def number(cursor: str, whose: str) -> int:
    """What `at_number` was given. Raises `Unprocessable` ``cursor_invalid``."""
    found: int = _NUMBER.unpack(_decode(cursor, whose, _NUMBER.size))[0]
    return found


def _encode(place: bytes, whose: str) -> str:
    return base64.urlsafe_b64encode(place + _digest(whose, place)).decode()


def _decode(cursor: str, whose: str, size: int) -> bytes:
    try:
        read = base64.urlsafe_b64decode(cursor) if _TEXT.fullmatch(cursor) else b""
    except binascii.Error:
        raise _invalid() from None
    place = read[:size]
    if len(read) != size + _DIGEST_BYTES or read[size:] != _digest(whose, place):
        raise _invalid()
    return place


def _digest(whose: str, place: bytes) -> bytes:
    return hashlib.blake2b(place, digest_size=_DIGEST_BYTES, key=whose.encode()).digest()


def _invalid() -> Unprocessable:
    return Unprocessable(
        "cursor_invalid",
        "The cursor is none that this list gave out. Begin again without one.",
        [{"field": "cursor", "message": "is none that this list gave out"}],
    )
