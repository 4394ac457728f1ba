"""A message as the bytes of an AMQP ``basic.publish`` (AMQP 0-9-1, sections 2.3.5, 4.2.6 and 1.8.3).

py-amqp writes each frame group by itself; encoded here, those of many messages go out as one write, and
what cannot be encoded is the error of the caller who asked for it.
"""

from dataclasses import dataclass
from struct import pack

from amqp.serialization import dumps
from kombu import Exchange

from wal.records import Json

CHANNEL = 1
_END = b"\xce"
_PUBLISH = pack(">HHH", 60, 40, 0)
_PERSISTENT = 2


@dataclass(frozen=True, slots=True)
class Message:
    """A persistent message. `declare` is an exchange that may not be there yet."""

    exchange: str
    routing_key: str
    body: bytes
    content_type: str
    content_encoding: str
    headers: dict[str, Json]
    priority: int = 0
    expiration_ms: int | None = None
    message_id: str | None = None
    type: str | None = None
    declare: Exchange | None = None

    def head(self) -> bytes:
        """The method and the header frame. Raises for what AMQP has no room for (texts over 255 bytes)."""
        method = _PUBLISH + _text(self.exchange) + _text(self.routing_key) + b"\0"
        flags = 0xF800
        properties = [
            _text(self.content_type),
            _text(self.content_encoding),
            dumps("F", [self.headers]),
            pack("BB", _PERSISTENT, self.priority),
        ]
        if self.expiration_ms is not None:
            flags |= 0x0100
            properties.append(_text(str(self.expiration_ms)))
        if self.message_id is not None:
            flags |= 0x0080
            properties.append(_text(self.message_id))
        if self.type is not None:
            flags |= 0x0020
            properties.append(_text(self.type))
        header = pack(">HHQH", 60, 0, len(self.body), flags) + b"".join(properties)
        return _frame(1, method) + _frame(2, header)

    def content(self, frame_max: int) -> bytes:
        """The body frames, none longer than `frame_max` bytes."""
        room = frame_max - len(_frame(3, b""))
        return b"".join(_frame(3, self.body[at : at + room]) for at in range(0, len(self.body), room))


def ack(channel: int, tag: int) -> bytes:
    """The frame of a ``basic.ack`` (section 1.8.3.13)."""
    return pack(">BHIHHQB", 1, channel, 13, 60, 80, tag, 0) + _END


def _frame(kind: int, payload: bytes) -> bytes:
    return pack(">BHI", kind, CHANNEL, len(payload)) + payload + _END


def _text(text: str) -> bytes:
    raw = text.encode()
    return pack("B", len(raw)) + raw
