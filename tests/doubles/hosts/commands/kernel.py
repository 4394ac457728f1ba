"""Modules, settings, swap and mounts."""

from __future__ import annotations

import re

from tests.doubles.hosts import image
from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.server import command


@command("modprobe")
def modprobe(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("-a/--all", "-q/--quiet", "-v/--verbose", "-n/--dry-run/--show", "-r/--remove"))
    for name in given.words:
        name = name.replace("-", "_")
        if name not in image.PROGRAMS["modules"]:
            raise Exit(1, f"modprobe: FATAL: Module {name} not found in directory /lib/modules/{image.KERNEL}")
        if name not in host.kernel.modules and not given.has("-n"):
            host.load_module(name)
            call.changed(f"load {name}")
    return 0


@command("lsmod")
def lsmod(host: Host, call: Call) -> int:
    call.out("Module                  Size  Used by\n")
    call.out("".join(f"{name:<22} 32768  0\n" for name in sorted(host.kernel.modules)))
    return 0


@command("sysctl")
def sysctl(host: Host, call: Call) -> int:
    given = parse(
        call.arguments,
        ("-n/--values", "-w/--write", "-e/--ignore", "-q/--quiet", "--system", "-a/--all"),
        ("-p/--load",),
    )
    if given.has("--system"):
        for file in sorted(host.path("/etc/sysctl.d").glob("*.conf")):
            _load(host, call, file.read_text(), quiet=given.has("-q"), system=True)
        return 0
    if given.has("-p"):
        source = given.get("-p")
        text = call.stdin().decode() if source in ("-", "/dev/stdin") else host.read(source)
        _load(host, call, text, quiet=given.has("-q"), system=False)
        return 0
    if not given.words:
        raise Violation("the model's sysctl wants --system, -p FILE or names")
    for word in given.words:
        name, equals, value = word.partition("=")
        name = name.strip().replace("/", ".")
        if equals:
            _set(host, call, name, value.strip())
        found = host.sysctl(name)
        if found is None:
            if given.has("-e"):
                continue
            raise Exit(255, f"sysctl: cannot stat /proc/sys/{name.replace('.', '/')}: No such file or directory")
        if not given.has("-q"):
            call.out(f"{found}\n" if given.has("-n") else f"{name} = {found}\n")
    return 0


def _load(host: Host, call: Call, text: str, *, quiet: bool, system: bool) -> None:
    for line in text.splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise Exit(255, f"sysctl: -(1): invalid syntax, continuing... {line}")
        lenient = system or name.startswith("-")
        name = name.lstrip("-").replace("/", ".")
        if host.sysctl(name) is None and lenient:
            call.err(f"sysctl: cannot stat /proc/sys/{name.replace('.', '/')}: No such file or directory\n")
            continue
        _set(host, call, name, value)
        if not quiet:
            call.out(f"{name} = {value}\n")


def _set(host: Host, call: Call, name: str, value: str) -> None:
    try:
        if host.set_sysctl(name, value):
            call.changed(f"{name}={value}")
    except KeyError:
        raise Exit(255, f"sysctl: cannot stat /proc/sys/{name.replace('.', '/')}: No such file or directory") from None


@command("swapoff")
def swapoff(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("-a/--all", "-v/--verbose"))
    if not given.has("-a") and not given.words:
        raise Violation("swapoff of nothing")
    if host.kernel.swap:
        host.kernel.swap = False
        image.write_swaps(host.sandbox.folder, on=False)
        call.changed("swap off")
    return 0


@command("swapon")
def swapon(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("--show/-s", "--noheadings", "--bytes", "--raw"), ("--output",))
    if not given.has("--show") and not any(word.startswith("--show=") for word in call.arguments):
        raise Violation("swap is never wanted on a node")
    if host.kernel.swap:
        header = "" if given.has("--noheadings") else "NAME      TYPE SIZE USED PRIO\n"
        call.out(f"{header}/swap.img file   2G   0B   -2\n")
    return 0


@command("mount")
def mount(host: Host, call: Call) -> int:
    if call.arguments:
        raise Violation("no phase mounts anything")
    call.out("/dev/root on / type ext4 (rw,relatime,discard)\n")
    return 0


@command("umount")
def umount(host: Host, call: Call) -> int:
    """As after ``kubeadm reset``: what the kubelet has left mounted, which is nothing here."""
    for path in parse(call.arguments, ("-l/--lazy", "-f/--force")).words:
        if not path.startswith("/var/lib/kubelet"):
            raise Violation(f"umount {path}")
        raise Exit(32, f"umount: {path}: not mounted.")
    return 0


@command("mountpoint")
def mountpoint(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("-q/--quiet",))
    return 0 if given.words and re.fullmatch(r"/(run|tmp|sys|proc|dev)?", given.words[0]) else 32


@command("findmnt")
def findmnt(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("-n/--noheadings", "-r/--raw"), ("-o/--output", "-t/--types", "-T/--target"))
    if given.get("-o").upper() == "TARGET":
        return 1
    raise Violation("the model's findmnt lists targets only")


@command("rmmod", "mkswap", "swaplabel", "udevadm")
def never(host: Host, call: Call) -> int:
    raise Violation("no phase has a reason to run this")
