"""``kubectl exec``: a WebSocket over which a program in a container is given its input and says what it says.

As the API server of Kubernetes 1.34 speaks it: the subprotocol v5.channel.k8s.io, in which the first byte of each
message names its stream (KEP 4006).
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.doubles.kubernetes.errors import Refusal

PROTOCOL = "v5.channel.k8s.io"
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # of RFC 6455
_STDIN, _STDOUT, _STDERR, _ERROR, _CLOSE = 0, 1, 2, 3, 255
_BINARY, _CLOSED, _PING, _PONG = 2, 8, 9, 10


@dataclass(frozen=True)
class Call:
    """What is to be run, and in which container of which pod."""

    namespace: str
    pod: str
    container: str
    words: Sequence[str]
    stdin: bytes = b""


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: bytes = b""
    stderr: bytes = b""


Execute = Callable[[Call], Ended]


def wanted(path: str) -> Call | None:
    """The call that a request's path stands for; None where it is about something else."""
    parts = urlsplit(path)
    words = parts.path.strip("/").split("/")
    if len(words) != 7 or words[:3] != ["api", "v1", "namespaces"] or (words[4], words[6]) != ("pods", "exec"):
        return None
    query = parse_qs(parts.query)
    [container] = query.get("container", [""])
    return Call(words[3], words[5], container, tuple(query.get("command", ())))


def checked(call: Call, pod: Mapping[str, Any] | None) -> None:
    """Raises `Refusal` as the API server and the kubelet do."""
    if pod is None:
        raise Refusal(404, "NotFound", f'pods "{call.pod}" not found')
    names = [container["name"] for container in pod["spec"]["containers"]]
    if call.container not in names:
        raise Refusal(400, "BadRequest", f"container {call.container} is not valid for pod {call.pod}")
    if (pod.get("status") or {}).get("phase") != "Running":
        raise Refusal(500, "InternalError", f'unable to upgrade connection: container not found ("{call.container}")')
    if not call.words:
        raise Refusal(400, "BadRequest", "you must specify at least 1 command for the container")


def handshake(headers: Mapping[str, str]) -> bytes:
    """The answer that opens the WebSocket. Raises `Refusal` for a client that speaks another protocol."""
    offered = [each.strip() for each in headers.get("sec-websocket-protocol", "").split(",")]
    if headers.get("upgrade", "").lower() != "websocket" or PROTOCOL not in offered:
        raise Refusal(400, "BadRequest", "unable to upgrade: this double speaks WebSocket alone")
    digest = hashlib.sha1(f"{headers['sec-websocket-key']}{_MAGIC}".encode(), usedforsecurity=False).digest()
    accepted = base64.b64encode(digest).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accepted}",
        f"Sec-WebSocket-Protocol: {PROTOCOL}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def spoken(call: Call, execute: Execute, stdin: bool, read: BufferedIOBase, write: Callable[[bytes], Any]) -> None:
    """Hears the input to its end, runs the program, says what it said and how it ended."""
    given = b"".join(_input(read, write)) if stdin else b""
    ended = execute(Call(call.namespace, call.pod, call.container, call.words, given))
    for stream, content in ((_STDOUT, ended.stdout), (_STDERR, ended.stderr)):
        if content:
            write(_frame(_BINARY, bytes([stream]) + content))
    write(_frame(_BINARY, bytes([_ERROR]) + json.dumps(_status(ended.code)).encode()))
    write(_frame(_CLOSED, struct.pack("!H", 1000)))


def _status(code: int) -> dict[str, Any]:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _input(read: BufferedIOBase, write: Callable[[bytes], Any]) -> Iterator[bytes]:
    """What comes on stdin, until the client says that there is no more."""
    while True:
        kind, content = _message(read)
        if kind == _PING:
            write(_frame(_PONG, content))
        elif kind == _CLOSED or (content[:1] == bytes([_CLOSE]) and content[1:2] == bytes([_STDIN])):
            return
        elif kind == _BINARY and content[:1] == bytes([_STDIN]):
            yield content[1:]


def _message(read: BufferedIOBase) -> tuple[int, bytes]:
    """One frame, unmasked. Raises EOFError when the client is gone."""
    first, second = _exactly(read, 2)
    size = second & 0x7F
    if size >= 126:
        [size] = struct.unpack("!H" if size == 126 else "!Q", _exactly(read, 2 if size == 126 else 8))
    mask = _exactly(read, 4) if second & 0x80 else b"\0\0\0\0"
    content = _exactly(read, size)
    return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))


def _frame(kind: int, content: bytes) -> bytes:
    size = len(content)
    if size < 126:
        head = struct.pack("!BB", 0x80 | kind, size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | kind, 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | kind, 127, size)
    return head + content


def _exactly(read: BufferedIOBase, size: int) -> bytes:
    content = read.read(size)
    if len(content) < size:
        raise EOFError
    return content
