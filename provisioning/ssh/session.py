"""One script over an open connection: the text goes in, what it says comes out while it runs, its result at the end."""

from __future__ import annotations

import codecs
import re
import selectors
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fabric import Connection
from paramiko import SSHException

# How often a wish to stop is looked for while nothing comes.
_LOOK_S = 0.25
_BYTES = 1 << 16
# All that another program on the machine may see of what is run: the script itself comes over standard input.
COMMAND = "sudo -n bash -s"


class Cut(Exception):
    """The connection ended before the exit status came."""


@dataclass(frozen=True)
class Ended:
    """How a script ended: its exit status, its standard output, and the last line of its standard error."""

    exit_status: int
    output: str
    last_line: str


class _Lines:
    """Bytes in, whole lines out; a progress bar's carriage return ends one too."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._open = ""
        self.last: deque[str] = deque(maxlen=1)

    def feed(self, data: bytes, *, final: bool = False) -> None:
        *whole, self._open = re.split(r"[\r\n]+", self._open + self._decode(data, final))
        if final:
            whole.append(self._open)
        for line in filter(str.strip, whole):
            self.last.append(line)
            self._say(line)


def run(
    connection: Connection,
    text: str,
    *,
    timeout_s: float,
    say: Callable[[str], None],
    safe_point: Callable[[], None],
) -> Ended:
    """Runs `text` as root and returns how it ended. Raises `Cut`, TimeoutError, and what `safe_point` raises.

    `say` gets each line of its standard error as it comes; `safe_point` is called again and again while it runs.
    """
    deadline = time.monotonic() + timeout_s
    transport: Any = connection.transport
    try:
        channel = transport.open_session(timeout=timeout_s)
    except (SSHException, EOFError, OSError) as error:
        raise Cut(str(error)) from error
    try:
        channel.settimeout(max(0.1, timeout_s))
        channel.exec_command(COMMAND)
        channel.sendall(text.encode())
        channel.shutdown_write()
        return _followed(channel, deadline, say, safe_point)
    except TimeoutError:
        raise
    except (SSHException, EOFError, OSError) as error:
        raise Cut(str(error) or type(error).__name__) from error
    finally:
        channel.close()


def _followed(channel: Any, deadline: float, say: Callable[[str], None], safe_point: Callable[[], None]) -> Ended:
    output: list[bytes] = []
    lines = _Lines(say)
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        while not (channel.eof_received or channel.closed):
            _read(channel, output, lines)
            safe_point()
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            selector.select(min(_LOOK_S, left))
    # The server sends the exit status before or after the end of the output.
    channel.status_event.wait(max(0.1, deadline - time.monotonic()))
    _read(channel, output, lines)
    lines.feed(b"", final=True)
    if channel.exit_status < 0:
        raise Cut("no exit status came")
    return Ended(channel.exit_status, b"".join(output).decode(errors="replace"), "".join(lines.last))


def _read(channel: Any, output: list[bytes], lines: _Lines) -> None:
    while channel.recv_stderr_ready():
        lines.feed(channel.recv_stderr(_BYTES))
    while channel.recv_ready():
        output.append(channel.recv(_BYTES))
