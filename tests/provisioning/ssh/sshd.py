"""A real OpenSSH server on a loopback address of its own, with its own /run and /var/log."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from provisioning.local import packages

_WAIT_S = 10.0


@dataclass
class Sshd:
    """Where it listens, which keys it has and takes, and the root of what its sessions see."""

    address: str
    host_key: str
    key_file: Path
    process: subprocess.Popen[bytes]

    def path(self, path: str) -> Path:
        """A file as the scripts see it."""
        return Path(f"/proc/{self.process.pid}/root{path}")

    def log(self) -> str:
        """What the server itself has logged."""
        return self.key_file.with_name("sshd.log").read_text()

    def sessions(self) -> list[psutil.Process]:
        return [child for child in psutil.Process(self.process.pid).children() if child.is_running()]

    def drop_connections(self) -> None:
        """As when the operator's machine is gone: the sessions' sshd end, what they started does not get a signal."""
        for child in self.sessions():
            child.kill()


def needed() -> None:
    """OpenSSH's server and sudo, installed if need be. Skips the test where that is not possible."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a real sshd on port 22 of a loopback address, in a mount namespace of its own")
    missing = [
        name
        for name, path in (("openssh-server", "/usr/sbin/sshd"), ("sudo", "/usr/bin/sudo"))
        if not Path(path).exists()
    ]
    if missing:
        if not shutil.which("apt-get"):
            pytest.skip(f"needs {' '.join(missing)}")
        packages.install(missing)


def key_pair(path: Path, kind: str = "ed25519") -> str:
    """Makes a key pair; returns the public half without its comment."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


@contextmanager
def running(folder: Path) -> Iterator[Sshd]:
    """The server, until the end of the block; then it, its sessions and what they left running are gone."""
    host_key = key_pair(folder / "host_key")
    (folder / "authorized_keys").write_text(key_pair(folder / "key") + "\n")
    address = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 2}.{secrets.randbelow(250) + 2}"
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress {address}:22\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/authorized_keys\n"
        "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    inside = (
        "mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log && mkdir -p /run/sshd && "
        f"exec /usr/sbin/sshd -D -e -f {config} 2>{folder}/sshd.log"
    )
    process = subprocess.Popen(
        ["unshare", "--mount", "setpriv", "--pdeathsig", "KILL", "sh", "-c", inside], start_new_session=True
    )
    try:
        _wait_for(address, process)
        yield Sshd(address, host_key, folder / "key", process)
    finally:
        namespace = os.readlink(f"/proc/{process.pid}/ns/mnt") if process.poll() is None else ""
        for each in psutil.process_iter():
            try:
                if namespace and os.readlink(f"/proc/{each.pid}/ns/mnt") == namespace:
                    each.kill()
            except (OSError, psutil.Error):
                continue
        process.wait(_WAIT_S)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _WAIT_S
    while True:
        try:
            socket.create_connection((address, 22), 1).close()
            return
        except OSError:
            assert process.poll() is None, "sshd has ended"
            assert time.monotonic() < end, "sshd does not listen"
            time.sleep(0.02)
