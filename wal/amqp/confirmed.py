"""Publishing with broker confirms that concurrent callers share.

Nobody but its callers runs it. Who comes while none leads becomes the leader: it publishes what waits in
one write, reads confirms until its own message has one, and hands over to the oldest that still waits.
With each word from RabbitMQ it publishes what has come meanwhile.

    outbox --leader writes--> unconfirmed --leader reads--> ack: published, nack: error
       ^                           |
       +-----connection lost, once-+

The primitives are those of `threading`, so in a program that eventlet has patched the callers are greenlets.
"""

import math
import threading
import time
from collections import deque
from itertools import chain

from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError

from wal.amqp.channel import ConfirmChannel, Declare
from wal.amqp.frames import Message

CONFIRM_S = 10.0
OUTSTANDING = 256
"""Messages that RabbitMQ has and has not confirmed, at most."""
GROUP_BYTES = 256 * 1024
"""A group that has grown to this is written."""


class _Call:
    """A caller's message and its place to wait."""

    __slots__ = ("abandoned", "deadline", "error", "head", "message", "settled", "tried", "woken")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.head = message.head()
        self.deadline = math.inf
        self.tried = False
        """A connection was lost with it unconfirmed."""
        self.settled = False
        self.error: OperationalError | None = None
        self.abandoned = False
        """Its caller was killed or ran out of time: nobody waits."""
        self.woken = threading.Lock()
        self.woken.acquire()

    def settle(self, error: OperationalError | None = None) -> None:
        self.settled, self.error = True, error
        if not self.abandoned:
            self.woken.release()

    def fail(self, error: Exception) -> None:
        failure = OperationalError(f"not published: {error or type(error).__name__}")
        failure.__cause__ = error
        self.settle(failure)


class ConfirmedPublisher:
    """One connection for all the threads or greenlets of a process. A forked process must make its own.

    Connects at once, and again whenever it must; `declare` is run on each new connection. Raises `OperationalError`.
    """

    def __init__(self, uri: str, declare: Declare) -> None:
        self._channel = ConfirmChannel(uri, declare, self._confirm)
        self._gate = threading.Lock()
        self._leader: _Call | None = None
        self._outbox: deque[_Call] = deque()
        self._unconfirmed: dict[int, _Call] = {}
        self._written = 0
        self._crowded = False
        self._closing = False
        self._connect()

    def publish(self, message: Message) -> None:
        """Returns when RabbitMQ has confirmed the message: where a durable queue took it, it is on the disk.

        Raises `OperationalError` when RabbitMQ cannot be reached, refuses the message (its queue is full), or
        does not confirm it in `CONFIRM_S`. It may have been published all the same, and is published twice if
        a connection is lost meanwhile: receivers know it by its id.
        """
        call = _Call(message)
        with self._gate:
            self._outbox.append(call)
            leads = self._leader is None
            if leads:
                self._leader = call
        try:
            if not leads:
                call.woken.acquire()
            elif self._crowded:
                time.sleep(0)  # those just woken may have their next message for the same group
            if not call.settled:
                self._lead(call)
        finally:
            call.abandoned = not call.settled
            self._hand_over(call)
        if call.error is not None:
            raise call.error

    def close(self) -> None:
        """Close the connection as soon as nobody publishes. To publish again opens another."""
        with self._gate:
            self._closing = True
            self._leave()

    def _hand_over(self, call: _Call) -> None:
        with self._gate:
            if self._leader is call:
                waiting = chain(self._unconfirmed.values(), self._outbox)
                self._leader = next((other for other in waiting if not other.abandoned), None)
                if self._leader is not None:
                    self._leader.woken.release()
                self._leave()

    def _leave(self) -> None:
        if self._closing and self._leader is None:
            self._closing = False
            self._channel.close()
            self._drop()

    # From here on: the leader.

    def _lead(self, call: _Call) -> None:
        try:
            while not call.settled:
                try:
                    self._write()
                    self._channel.read()
                    if call.deadline < time.monotonic() and not call.settled:
                        raise TimeoutError(f"not confirmed within {CONFIRM_S:g} s")
                except OperationalError as away:
                    self._give_up(away)
                except (AMQPError, OSError) as error:
                    if isinstance(error, TimeoutError) and error.errno is None:  # ETIMEDOUT is a lost connection
                        self._give_up(error)
                    else:
                        self._try_again(error)
        except BaseException:  # killed or out of time, maybe with half a frame written or read
            call.abandoned = True
            self._outbox.extendleft(reversed(self._drop()))
            raise

    def _connect(self) -> None:
        try:
            self._channel.connect()
        except (AMQPError, OSError) as error:
            self._channel.drop()
            raise OperationalError(f"no connection to RabbitMQ: {error}") from error

    def _write(self) -> None:
        """Publish what waits."""
        if not self._channel.connected:
            self._connect()
        frames: list[bytes] = []
        size, deadline = 0, time.monotonic() + CONFIRM_S
        while self._outbox and size < GROUP_BYTES and len(self._unconfirmed) < OUTSTANDING:
            if self._outbox[0].tried and self._unconfirmed:
                break  # it may be one for which RabbitMQ closes the channel: then not on others, twice
            call = self._outbox.popleft()
            if call.abandoned:
                continue
            self._written += 1
            self._unconfirmed[self._written] = call
            call.deadline = deadline
            if call.message.declare is not None:
                self._channel.require(call.message.declare)
            frames += call.head, call.message.content(self._channel.frame_max)
            size += len(frames[-1])
        if frames:
            self._crowded = len(self._unconfirmed) > 1
            self._channel.write(b"".join(frames))

    def _confirm(self, accepted: bool, number: int, up_to: bool) -> None:
        numbers = [each for each in self._unconfirmed if each <= number] if up_to else [number]
        for each in numbers:
            self._unconfirmed.pop(each).settle(None if accepted else OperationalError("RabbitMQ refused the message"))

    def _give_up(self, error: Exception) -> None:
        """RabbitMQ is away or silent, for all who wait."""
        waiting = self._drop()
        while self._outbox:
            waiting.append(self._outbox.popleft())
        for call in waiting:
            call.fail(error)

    def _try_again(self, error: Exception) -> None:
        """The channel was closed or the connection lost, maybe long ago: an idle one shows it when used."""
        for call in reversed(self._drop()):
            if call.tried:
                call.fail(error)
            else:
                call.tried = True
                self._outbox.appendleft(call)

    def _drop(self) -> list[_Call]:
        """Drop the connection. Returns who waits for a confirm on it, in order."""
        self._channel.drop()
        calls = [call for call in self._unconfirmed.values() if not call.abandoned]
        self._unconfirmed.clear()
        self._written = 0
        return calls
