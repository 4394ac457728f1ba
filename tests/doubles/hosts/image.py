"""A fresh machine's files: what differs from the machine that the tests run on, as an upper layer of an overlay."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.doubles.hosts.ubuntu import OS_RELEASE, UBUNTU_SOURCES

SIM = ".sim"
GIB = 1024**3

PROGRAMS: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("programs.yaml").read_text())

# bash calls this for a name that it does not find; sshd hands it to every shell as BASH_ENV.
BASH_ENV = 'command_not_found_handle() { /.sim/client-unknown "$@"; }\n'

KERNEL = "6.8.0-1041-aws"

SSHD_CONFIG = """\
ListenAddress {address}:22
HostKey /.sim/host_key
AuthorizedKeysFile /.sim/authorized_keys
AllowUsers {user}
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
PidFile none
PrintMotd no
PrintLastLog no
AllowTcpForwarding no
AllowAgentForwarding no
X11Forwarding no
MaxStartups 100
MaxSessions 100
LogLevel VERBOSE
SetEnv BASH_ENV=/.sim/bash_env
"""


@dataclass(frozen=True)
class Identity:
    """Who the machine is: what cloud-init and the instance type have made of it."""

    name: str
    user: str
    address: str
    host_key: str  # the private half, as OpenSSH writes it
    authorized_key: str
    names: Mapping[str, str]  # /etc/hosts: name -> address
    vcpus: int
    memory_bytes: int
    swap: bool = False


def build(folder: Path, identity: Identity, client: str) -> None:
    """The host's folder with its upper layer; whatever stood there is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    upper = folder / "upper"
    for part in ("upper", "work", "root", "proc"):
        (folder / part).mkdir(parents=True)
    for name in PROGRAMS["hidden"]:
        _opaque(upper, name)
    for name in set(os.listdir("/")) - set(PROGRAMS["top"]):
        os.mknod(upper / name, stat.S_IFCHR, os.makedev(0, 0))  # a whiteout
    for name in (
        "run",
        "tmp",
        "proc",
        "sys",
        "dev",
        f"{SIM}/bin",
        f"{SIM}/sbin",
        "home/ubuntu",
        "usr/local/bin",
        "usr/local/sbin",
    ):
        (upper / name).mkdir(parents=True, exist_ok=True)
    for path, text in _files(identity).items():
        _write(upper / path, text)
    _write(upper / SIM / "client", client, 0o755)
    (upper / SIM / "client-unknown").symlink_to("client")
    (upper / SIM / "host_key").chmod(0o600)
    link_plain(upper)
    link_commands(upper, PROGRAMS["modelled"])
    kernel_files(folder, identity)


def link_plain(root: Path) -> None:
    """The plain programs that this machine has."""
    for name in PROGRAMS["plain"]:
        for place in ("bin", "sbin"):
            if os.path.lexists(f"/usr/{place}/{name}"):
                (root / "usr/bin" / name).symlink_to(f"/{SIM}/{place}/{name}")
                break


def link_commands(root: Path, names: Iterable[str]) -> None:
    """These names run the client of the model from now on."""
    for name in names:
        path = root / "usr/bin" / name
        if not os.path.lexists(path):
            path.symlink_to(f"/{SIM}/client")
    for name in PROGRAMS["in_sbin"]:
        path = root / "usr/sbin" / name
        if name in names and not os.path.lexists(path):
            path.symlink_to(f"/{SIM}/client")


def kernel_files(folder: Path, identity: Identity) -> None:
    """/proc as a start of the machine leaves it: the settings' defaults, no module of ours, its memory."""
    # The kernel keeps a part for itself before anything is counted.
    kib = int(identity.memory_bytes * 0.96) // 1024
    swap = 2 * 1024 * 1024 if identity.swap else 0
    for path, value in SYSCTLS.items():
        _write(folder / "proc/sys" / path.replace(".", "/"), f"{value}\n")
    _write(folder / "proc/sys/kernel/random/boot_id", f"{os.urandom(16).hex()}\n")
    meminfo = {
        "MemTotal": kib,
        "MemFree": kib * 3 // 4,
        "MemAvailable": kib * 9 // 10,
        "SwapTotal": swap,
        "SwapFree": swap,
    }
    _write(folder / "proc/meminfo", "".join(f"{name + ':':<16}{value:>8} kB\n" for name, value in meminfo.items()))
    _write(folder / "proc/modules", "")
    write_swaps(folder, on=identity.swap)


def write_swaps(folder: Path, *, on: bool) -> None:
    header = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
    _write(
        folder / "proc/swaps",
        header + ("/swap.img                               file\t\t2097148\t\t0\t\t-2\n" if on else ""),
    )


SYSCTLS: dict[str, str] = {
    "net.ipv4.ip_forward": "0",
    "net.ipv4.conf.all.rp_filter": "2",
    "net.ipv4.conf.default.rp_filter": "2",
    "net.ipv4.conf.all.forwarding": "0",
    "net.ipv4.ip_local_port_range": "32768\t60999",
    "net.ipv4.tcp_keepalive_time": "7200",
    "net.ipv6.conf.all.forwarding": "0",
    "net.ipv6.conf.all.disable_ipv6": "0",
    "net.core.somaxconn": "4096",
    "net.netfilter.nf_conntrack_max": "131072",
    "fs.file-max": "9223372036854775807",
    "fs.nr_open": "1048576",
    "fs.inotify.max_user_watches": "30117",
    "fs.inotify.max_user_instances": "128",
    "fs.inotify.max_queued_events": "16384",
    "kernel.panic": "0",
    "kernel.panic_on_oops": "0",
    "kernel.keys.root_maxbytes": "25000000",
    "kernel.keys.root_maxkeys": "1000000",
    "kernel.pid_max": "4194304",
    "kernel.ngroups_max": "65536",
    "kernel.cap_last_cap": "40",
    "kernel.osrelease": KERNEL,
    "kernel.ostype": "Linux",
    "kernel.hostname": "localhost",
    "vm.overcommit_memory": "0",
    "vm.max_map_count": "1048576",
    "vm.swappiness": "60",
    "vm.panic_on_oom": "0",
}


def _files(identity: Identity) -> dict[str, str]:
    hosts = "".join(f"{address} {name}\n" for name, address in identity.names.items())
    fstab = "LABEL=cloudimg-rootfs\t/\t ext4\tdiscard,commit=30,errors=remount-ro\t0 1\n"
    if identity.swap:
        fstab += "/swap.img\tnone\tswap\tsw\t0\t0\n"
    nobody = "/usr/sbin/nologin\n"
    passwd = (
        f"root:x:0:0:root:/root:/bin/bash\nsshd:x:105:65534::/run/sshd:{nobody}_apt:x:42:65534::/nonexistent:{nobody}"
    )
    return {
        "etc/os-release": OS_RELEASE,
        "usr/lib/os-release": OS_RELEASE,
        "etc/lsb-release": "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=24.04\nDISTRIB_CODENAME=noble\n",
        "etc/hostname": f"{identity.name}\n",
        "etc/machine-id": f"{os.urandom(16).hex()}\n",
        "etc/hosts": f"127.0.0.1 localhost\n{hosts}",
        "etc/fstab": fstab,
        # The user is root by another name: what sudo would make of it, without setuid.
        "etc/passwd": passwd + f"{identity.user}:x:0:0::/home/ubuntu:/bin/bash\n",
        "etc/shadow": f"root:*:19000::::::\nsshd:!:19000::::::\n{identity.user}:*:19000::::::\n",
        "etc/group": "root:x:0:\nadm:x:4:\nsudo:x:27:ubuntu\ndocker:x:999:\nnogroup:x:65534:\n",
        "etc/modules": "",
        "etc/modules-load.d/modules.conf": "",
        "etc/sysctl.d/10-network-security.conf": "net.ipv4.conf.default.rp_filter=2\nnet.ipv4.conf.all.rp_filter=2\n",
        "etc/apt/apt.conf.d/20auto-upgrades": 'APT::Periodic::Unattended-Upgrade "1";\n',
        "etc/apt/sources.list": "# See /etc/apt/sources.list.d/ubuntu.sources\n",
        "etc/apt/sources.list.d/ubuntu.sources": UBUNTU_SOURCES,
        "etc/apt/keyrings/.keep": "",
        "usr/share/keyrings/ubuntu-archive-keyring.gpg": "ubuntu-archive",
        "var/lib/dpkg/status": "",
        "var/lib/cloud/instance/boot-finished": "1.00 - Thu, 01 Jan 2026 00:00:00 +0000 - v. 25.1.4\n",
        "var/log/cloud-init-output.log": "",
        f"{SIM}/sshd_config": SSHD_CONFIG.format(address=identity.address, user=identity.user),
        f"{SIM}/host_key": identity.host_key,
        f"{SIM}/authorized_keys": identity.authorized_key.strip() + "\n",
        f"{SIM}/bash_env": BASH_ENV,
    }


def _opaque(upper: Path, name: str) -> None:
    path = upper / name
    path.mkdir(parents=True, exist_ok=True)
    os.setxattr(path, "trusted.overlay.opaque", b"y")


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
