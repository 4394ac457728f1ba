"""One SSH connection to one node, through Fabric, with nothing taken on trust."""

from __future__ import annotations

import base64
import binascii
import logging
import socket
from typing import Any

from fabric import Config, Connection
from paramiko import (
    AuthenticationException,
    BadHostKeyException,
    PKey,
    RejectPolicy,
    SSHException,
)
from paramiko.ssh_exception import IncompatiblePeer, NoValidConnectionsError

from provisioning.cluster import Host
from provisioning.ssh.errors import ConnectionCut, HostKeyRefused, HostUnreachable, LoginRefused

# A connection that is idle while a long script runs is kept open, and one whose other end is gone is noticed.
_KEEPALIVE_S = 15
_UNANSWERED_MS = 45_000

# What goes wrong is told by our own errors; without a handler of theirs Python would print paramiko's tracebacks too.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def opened(host: Host, timeout_s: float) -> Connection:
    """A connection that is open: to the pinned host key, as `Host.user`, with its key file or a key of the SSH agent.

    Nothing of the operator's own SSH configuration or known hosts is read, and no agent is forwarded. Raises
    `HostKeyRefused`, `LoginRefused`, `HostUnreachable`, `ConnectionCut`; nothing takes longer than `timeout_s` seconds.
    """
    connection = Connection(
        host.address,
        user=host.user,
        port=host.port,
        config=Config(overrides={"load_ssh_configs": False}, lazy=True),
        forward_agent=False,
        connect_timeout=timeout_s,
        connect_kwargs={
            "key_filename": [str(host.key_file)] if host.key_file.is_file() else [],
            "allow_agent": True,
            "look_for_keys": False,
            "banner_timeout": timeout_s,
            "auth_timeout": timeout_s,
            "channel_timeout": timeout_s,
        },
    )
    client: Any = connection.client
    client.set_missing_host_key_policy(RejectPolicy())
    name, kind, key = host.known_hosts_line().split(" ")
    client.get_host_keys().add(name, kind, _key(host, kind, key))
    try:
        connection.open()
    except Exception as error:
        connection.close()
        raise _meaning(error, host) from error
    _kept_alive(connection)
    return connection


def _key(host: Host, kind: str, text: str) -> PKey:
    try:
        return PKey.from_type_string(kind, base64.b64decode(text, validate=True))
    except (binascii.Error, SSHException, ValueError) as error:
        raise HostKeyRefused(f"{host.node}: the host key in Terraform's outputs is no key: {error}") from error


def _meaning(error: Exception, host: Host) -> Exception:
    where = f"{host.node} ({host.address})"
    if isinstance(error, BadHostKeyException):
        return HostKeyRefused(f"{where} shows the key {error.key.get_base64()}, not the pinned one")
    if isinstance(error, IncompatiblePeer) and "host key" in str(error):
        return HostKeyRefused(f"{where} has no key of the pinned kind: {error}")
    if isinstance(error, AuthenticationException) or "authentication methods" in str(error):
        return LoginRefused(f"{where} as {host.user} with {host.key_file}{_missing(host)}: {error}")
    if isinstance(error, NoValidConnectionsError | TimeoutError | socket.gaierror | OSError):
        return HostUnreachable(f"{where}: {error}")
    if isinstance(error, SSHException | EOFError):
        return ConnectionCut(f"{where}: {error or 'closed while connecting'}")
    return error


def _missing(host: Host) -> str:
    return "" if host.key_file.is_file() else " (there is no such file)"


def _kept_alive(connection: Connection) -> None:
    transport: Any = connection.transport
    transport.set_keepalive(_KEEPALIVE_S)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNANSWERED_MS)
