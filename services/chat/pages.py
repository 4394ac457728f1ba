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

_CONVERSATION = struct.Struct(">q16s")  # microseconds since 1970, UUID
_MESSAGE = struct.Struct(">q")  # ordinal
_DIGEST_BYTES = 6
_TEXT = re.compile(r"[A-Za-z0-9_-]{1,60}={0,2}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def after_conversation(updated_at: datetime, conversation_id: uuid.UUID, owner: str) -> str:
    """The cursor of the conversations of `owner` behind this one."""
    return _encode(_CONVERSATION.pack((updated_at - _EPOCH) // _MICROSECOND, conversation_id.bytes), owner)


def conversation_place(cursor: str, owner: str) -> tuple[datetime, uuid.UUID]:
    """What `after_conversation` was given. Raises `Unprocessable` ``cursor_invalid``."""
    microseconds, found = _CONVERSATION.unpack(_decode(cursor, owner, _CONVERSATION.size))
    try:
        return _EPOCH + timedelta(microseconds=microseconds), uuid.UUID(bytes=found)
    except OverflowError:
        raise _invalid() from None


def before_message(ordinal: int, conversation_id: str) -> str:
    """The cursor of the messages of a conversation before this one."""
    return _encode(_MESSAGE.pack(ordinal), conversation_id)


def message_place(cursor: str, conversation_id: str) -> int:
    """What `before_message` was given. Raises `Unprocessable` ``cursor_invalid``."""
    ordinal: int = _MESSAGE.unpack(_decode(cursor, conversation_id, _MESSAGE.size))[0]
    return ordinal


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
