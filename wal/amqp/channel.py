"""One connection with one channel in confirm mode, for one thread or greenlet at a time."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from amqp.exceptions import AMQPError
from kombu import Connection, Exchange

from wal.amqp.frames import CHANNEL

CONNECT_S = 5.0
"""For TCP, and for each answer of the handshake."""
SILENCE_S = 10.0
"""How long any later write or read waits for RabbitMQ."""
READ_BYTES = 65536

Declare = Callable[[Any], None]
"""Declares on the channel it is given."""


def read_ahead(transport: Any) -> None:
    """py-amqp asks for each part of a frame by its size, but keeps what is more: four system calls become one."""
    receive = transport.sock.recv
    transport._quick_recv = lambda _: receive(READ_BYTES)


class Confirm(Protocol):
    """Told of RabbitMQ's confirms: of the message of that `number`, or of all up to it."""

    def __call__(self, accepted: bool, number: int, up_to: bool) -> None: ...


class ConfirmChannel:
    """Messages have the numbers 1, 2, 3… since `connect`, in the order in which they are written.

    Every method may raise `AMQPError` or `OSError` (a bare `TimeoutError` when RabbitMQ is silent), and is of
    no use then until `drop` and `connect`.
    """

    def __init__(self, uri: str, declare: Declare, confirm: Confirm) -> None:
        self._uri = uri
        self._declare = declare
        self._confirm = confirm
        self._declared: set[str] = set()
        self._connection: Any = None
        self._channel: Any = None

    @property
    def connected(self) -> bool:
        """Whether it seems so: a connection that RabbitMQ has closed shows that at its next use."""
        return self._connection is not None

    @property
    def frame_max(self) -> int:
        return int(self._connection.frame_max)

    def connect(self) -> None:
        self._connection = Connection(self._uri, connect_timeout=CONNECT_S).transport.establish_connection()
        socket = self._connection.sock
        socket.settimeout(SILENCE_S)
        read_ahead(self._connection.transport)
        self._channel = self._connection.channel(CHANNEL)
        self._declare(self._channel)
        self._channel.events["basic_ack"].add(partial(self._confirm, True))
        self._channel.events["basic_nack"].add(partial(self._confirm, False))
        self._channel.confirm_select()

    def require(self, exchange: Exchange) -> None:
        """Declare an exchange, once a connection. Meanwhile confirms may be told."""
        if exchange.name not in self._declared:
            exchange(self._channel).declare()
            self._declared.add(exchange.name)

    def write(self, frames: bytes) -> None:
        self._connection.transport.write(frames)

    def read(self) -> None:
        """Wait for the next word from RabbitMQ, and take all that came with it."""
        self._connection.drain_events()
        while self._connection.transport._read_buffer:
            self._connection.drain_events()

    def drop(self) -> None:
        """Close the socket, whatever is on it. Raises nothing."""
        connection, self._connection = self._connection, None
        self._declared.clear()
        if connection is not None:
            connection.collect()

    def close(self) -> None:
        """Take leave of RabbitMQ. Raises nothing."""
        if self._connection is not None:
            with suppress(AMQPError, OSError):
                self._connection.close()
        self.drop()
