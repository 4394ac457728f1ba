"""One machine of the world: its disk and processes (`Sandbox`), and what the model knows beside them."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from provisioning.cluster import Machine, Node
from tests.doubles.hosts import image
from tests.doubles.hosts.packages import Packages
from tests.doubles.hosts.sandbox import Sandbox
from tests.doubles.hosts.units import Units
from tests.doubles.native import original

if TYPE_CHECKING:
    from tests.doubles.hosts.containerd import Runtime
    from tests.doubles.hosts.kubelet import Joined
    from tests.doubles.hosts.world import HostWorld


# A line of /etc/fstab that is in force.
_SWAP = re.compile(r"^[^#\s]\S*\s+\S+\s+swap\s", re.MULTILINE)


@dataclass
class Kernel:
    """What a restart forgets."""

    modules: set[str] = field(default_factory=set)
    swap: bool = False


@dataclass(frozen=True)
class StaticPod:
    """A static pod's container: which one of its name it is, and when it started (seconds since 1970)."""

    attempt: int
    started: float


class Host:
    """A machine of the double. ``name`` is the node's; the model's commands change it, tests look at it."""

    def __init__(self, world: HostWorld, node: Node, machine: Machine, identity: image.Identity, folder: Path) -> None:
        self.world = world
        self.node = node
        self.machine = machine
        self.identity = identity
        self.sandbox = Sandbox(folder, node.name, str(machine.public_ip))
        self.lock = original("threading").RLock()
        self.begin_anew()

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def address(self) -> str:
        """Where its sshd listens, on port 22."""
        return self.sandbox.address

    @property
    def upper(self) -> Path:
        """The folder with what differs on its disk from this machine; /run, /tmp, /dev and /proc are not in it."""
        return self.sandbox.folder / "upper"

    def begin_anew(self) -> None:
        """What the model knows of a machine whose disk was just made."""
        self.packages = Packages()
        self.units = Units(self)
        self.kernel = Kernel(swap=self.identity.swap)
        self.runtime: Runtime | None = None  # containerd as it read its configuration when it last started
        self.images: set[str] = set()
        self.joined: Joined | None = None
        self.kubelet_version = ""  # of the process, which an upgrade of the package does not change
        self.pods: dict[str, StaticPod] = {}  # those that run
        self.joins = 0
        self.on = False
        self.occupied_ports: set[int] = set()  # what a test lets something else listen on
        self.network_rules = False  # kube-proxy's, and left behind when the node has left
        self.timezone = "Etc/UTC"
        self.clock_skew_s = 0.0

    def set_clock_skew(self, seconds: float) -> None:
        """From now on its ``date`` is so many seconds ahead of the real time."""
        self.clock_skew_s = seconds
        # The link itself, not what it leads to: that is a program of the machine that the tests run on.
        link = self.path("/usr/bin") / "date"
        link.unlink()
        link.symlink_to(f"/{image.SIM}/client")

    # --- files ---

    def path(self, path: str) -> Path:
        """Where one of its absolute paths is from here. While it is off only its disk, without following links."""
        return self.sandbox.file(path) if self.on else self.upper / path.lstrip("/")

    def exists(self, path: str) -> bool:
        return self.path(path).exists()

    def read(self, path: str) -> str:
        return self.path(path).read_text()

    def write(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        """Writes a file whole, its folders too."""
        where = self.path(path)
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(text.encode() if isinstance(text, str) else text)
        where.chmod(mode)

    def remove(self, path: str) -> bool:
        """A file or a folder with all in it; False when it was not there."""
        where = self.path(path)
        if not os.path.lexists(where):
            return False
        if where.is_dir() and not where.is_symlink():
            shutil.rmtree(where)
        else:
            where.unlink()
        return True

    def is_empty(self, folder: str) -> bool:
        """True too when there is no such folder."""
        where = self.path(folder)
        return not where.is_dir() or not any(where.iterdir())

    # --- power ---

    def start(self) -> None:
        """Switches it on; `started` has to follow."""
        self.kernel = Kernel(swap=bool(_SWAP.search(self._disk("etc/fstab"))))
        image.kernel_files(self.sandbox.folder, self.identity)
        image.write_swaps(self.sandbox.folder, on=self.kernel.swap)
        self.sandbox.start()

    def started(self) -> None:
        """Waits until SSH answers; then what is set up to happen at a start happens."""
        self.sandbox.wait_until_reachable()
        with self.lock:
            self.on = True
            self._load_configured()
            self.units.boot()

    def stop(self) -> None:
        """Switches it off as a power cut does."""
        with self.lock:
            self.on = False
            self.pods = {}
            self.sandbox.stop()
            self.units.power_cut()

    def load_module(self, name: str) -> None:
        self.kernel.modules.add(name)
        modules = self.sandbox.folder / "proc/modules"
        modules.write_text(
            "".join(f"{module} 32768 0 - Live 0x0000000000000000\n" for module in sorted(self.kernel.modules))
        )
        if self.on:
            self.path(f"/sys/module/{name}").mkdir(parents=True, exist_ok=True)
        if name == "br_netfilter":
            for family in ("iptables", "ip6tables", "arptables"):
                self._set(f"net.bridge.bridge-nf-call-{family}", "1")

    def sysctl(self, name: str) -> str | None:
        """The setting's value; None when the kernel has no such setting."""
        where = self.sandbox.folder / "proc/sys" / name.replace(".", "/")
        return where.read_text().rstrip("\n") if where.is_file() else None

    def set_sysctl(self, name: str, value: str) -> bool:
        """True when it changed. Raises KeyError for a setting that the kernel has not."""
        before = self.sysctl(name)
        if before is None:
            raise KeyError(name)
        self._set(name, value)
        return before != value

    def _set(self, name: str, value: str) -> None:
        where = self.sandbox.folder / "proc/sys" / name.replace(".", "/")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(f"{value}\n")

    def _disk(self, path: str) -> str:
        where = self.upper / path
        return where.read_text() if where.exists() else ""

    def _load_configured(self) -> None:
        """systemd-modules-load and systemd-sysctl."""
        files = [self.path("/etc/modules"), *sorted(self.path("/etc/modules-load.d").glob("*.conf"))]
        for file in files:
            for line in _lines(file):
                self.load_module(line)
        for file in sorted(self.path("/etc/sysctl.d").glob("*.conf")):
            for line in _lines(file):
                name, _, value = line.partition("=")
                try:
                    self.set_sysctl(name.strip().lstrip("-"), value.strip())
                except KeyError:
                    continue


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        return []
    lines = (line.strip() for line in file.read_text().splitlines())
    return [line for line in lines if line and line[0] not in "#;"]
