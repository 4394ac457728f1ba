"""Scripts on the nodes over SSH: pinned host keys, one connection a node, nothing half-run.

The phases and the commands of a cluster's later life call it; `Hosts` is where one begins.
"""

from provisioning.ssh.errors import (
    ConnectionCut,
    HostKeyRefused,
    HostUnreachable,
    LoginRefused,
    NodeBusy,
    ScriptFailed,
    ScriptTimeout,
    SudoRefused,
)
from provisioning.ssh.hosts import Hosts

__all__ = [
    "ConnectionCut",
    "HostKeyRefused",
    "HostUnreachable",
    "Hosts",
    "LoginRefused",
    "NodeBusy",
    "ScriptFailed",
    "ScriptTimeout",
    "SudoRefused",
]
