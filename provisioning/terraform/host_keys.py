"""The nodes' SSH host keys: made here, so that the first connection to a machine already knows whom to expect.

One ED25519 pair a node, in a folder for its owner's eyes alone: ``<node>`` in OpenSSH's format and ``<node>.pub``. A
node keeps its key for as long as the folder stands, however often its machine is replaced.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from provisioning import private_file


class HostKeyError(Exception):
    """A host key's file is not what it should be; the message says which, and nothing of its content."""


@dataclass(frozen=True)
class HostKeys:
    """By node: the public halves as OpenSSH lines, the private ones as OpenSSH files."""

    public: dict[str, str]
    private: dict[str, str]

    def __repr__(self) -> str:
        return f"HostKeys({', '.join(self.public)})"

    def environment(self) -> dict[str, str]:
        """The variables of every Terraform command that plans, applies or destroys. Never on its command line."""
        return {
            "TF_VAR_host_public_keys": json.dumps(self.public),
            "TF_VAR_host_private_keys": json.dumps(self.private),
        }


def ensure(folder: Path, nodes: Iterable[str]) -> HostKeys:
    """The keys of these nodes, those made that are missing. A second call changes nothing.

    Raises `HostKeyError` for a file that is no ED25519 key, or that others may read; `ValueError` for a node's name
    that is no file's name.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    public, private = {}, {}
    for node in nodes:
        if not node or "/" in node or node.startswith("."):
            raise ValueError(f"{node!r} is no node's name")
        path = folder / node
        if not path.exists():
            _write(path, _new())
        private[node] = _read(path)
        public[node] = _public(path, private[node], node)
        _write(path.with_name(f"{node}.pub"), public[node] + "\n")
    return HostKeys(public, private)


def _new() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def _write(path: Path, text: str) -> None:
    """All of it or nothing, and never readable by others."""
    if path.exists() and path.read_text() == text:
        return
    private_file.write(path, text)


def _read(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        raise HostKeyError(f"{path} may be read by others: chmod 600 {path}")
    return path.read_text()


def _public(path: Path, private: str, node: str) -> str:
    try:
        key = load_ssh_private_key(private.encode(), password=None)
    except (ValueError, UnsupportedAlgorithm, TypeError) as error:
        raise HostKeyError(f"{path} is no OpenSSH private key without a passphrase") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise HostKeyError(f"{path} is no ED25519 key")
    return f"{key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {node}"
