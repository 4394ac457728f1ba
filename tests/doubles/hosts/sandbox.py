"""One machine of the double as the kernel has it: namespaces, an overlay, and a real sshd on an address of its own.

Everything of it lives below one process that ends with its keeper: when the test process is gone, however it went, the
namespaces go and with them every process and every mount.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from provisioning.local import packages
from provisioning.local.errors import MissingPackages
from tests.doubles.native import original

BOOT = Path(__file__).with_name("boot.bash")
STARTS_WITHIN_S = 60.0
SSHD = Path("/usr/sbin/sshd")


class Unavailable(Exception):
    """This machine cannot carry the double; the text says why."""


def require() -> None:
    """What the double needs of this machine; as root, a missing sshd is installed. Raises `Unavailable`."""
    if os.geteuid() != 0:
        raise Unavailable("the double of the hosts mounts overlays, which needs root")
    if not SSHD.exists():
        try:
            packages.install(["openssh-server"])
        except (MissingPackages, OSError) as error:
            raise Unavailable(f"openssh-server is missing and could not be installed: {error}") from error
    for program in ("unshare", "mount", "chroot", "perl", "bash"):
        if not shutil.which(program):
            raise Unavailable(f"the double of the hosts needs {program}")
    if "overlay" not in Path("/proc/filesystems").read_text() and not Path("/sys/module/overlay").exists():
        raise Unavailable("the kernel of this machine has no overlay file system")


class Sandbox:
    """One machine, on or off. The files of its disk stay in ``folder`` while it is off."""

    def __init__(self, folder: Path, name: str, address: str) -> None:
        self.folder = folder
        self.name = name
        self.address = address
        self.pid = 0  # the machine's first process, as this machine counts
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Path:
        """The machine's root directory, mounts included, as seen from here. Only while it is on."""
        return Path(f"/proc/{self.pid}/root{self.folder}/root")

    def start(self) -> None:
        """Begins to start; `wait_until_reachable` says when it has."""
        command = [
            "unshare",
            "--mount",
            "--uts",
            "--pid",
            "--fork",
            "--kill-child",
            "bash",
            str(BOOT),
            str(self.folder),
            self.name,
        ]
        with (self.folder / "boot.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )

    def wait_until_reachable(self) -> None:
        """Raises `Unavailable` when it does not start."""
        deadline = time.monotonic() + STARTS_WITHIN_S
        process = self._running()
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            self.pid = self.pid or self._first_process()
            if self.pid and self._answers():
                return
            time.sleep(0.01)
        logs = [self.folder / "boot.log", self.folder / "sshd.log"]
        said = "\n".join(log.read_text(errors="replace").strip() for log in logs if log.exists())
        self.stop()
        raise Unavailable(f"{self.name} does not start on {self.address}: {said[-2000:] or 'no output'}")

    def stop(self) -> None:
        """Switches it off without ceremony; returns when all its processes are gone."""
        if self._process is None:
            return
        if self.pid:
            _kill(self.pid)  # the first process takes the others of its namespace with it
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        self._process, self.pid = None, 0

    def file(self, path: str) -> Path:
        """Where a path of the machine is from here, its symbolic links followed inside the machine."""
        root, parts, here = self.root, path.split("/")[::-1], Path()
        for _ in range(1000):
            while parts and parts[-1] in ("", "."):
                parts.pop()
            if not parts:
                return root / here
            part = parts.pop()
            if part == "..":
                here = here.parent
                continue
            candidate = here / part
            try:
                target = os.readlink(root / candidate)
            except OSError:
                here = candidate
                continue
            if target.startswith("/"):
                here = Path()
            parts.extend(target.split("/")[::-1])
        raise OSError(f"too many symbolic links in {path}")

    def processes(self) -> dict[int, str]:
        """All processes of the machine but its first: number here -> command line."""
        found: dict[int, str] = {}
        waiting = [self.pid] if self.pid else []
        while waiting:
            for child in _children(waiting.pop()):
                waiting.append(child)
                found[child] = _command_line(child)
        return found

    def cut_connections(self) -> None:
        """Ends every SSH connection as a lost network does: what runs is not told."""
        for pid, command in self.processes().items():
            if command.startswith("sshd: ") and "[listener]" not in command:
                _kill(pid)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} is off"
        return self._process

    def _first_process(self) -> int:
        children = _children(self._running().pid)
        return children[0] if children else 0

    def _answers(self) -> bool:
        socket = original("socket")
        try:
            with socket.create_connection((self.address, 22), timeout=1) as connection:
                return bool(connection.recv(4) == b"SSH-")
        except OSError:
            return False


def _children(pid: int) -> list[int]:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        return []


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
