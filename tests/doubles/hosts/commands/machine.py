"""What the machine says of itself, and sudo."""

from __future__ import annotations

from tests.doubles.hosts import image
from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Execute, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.server import command


@command("sudo")
def sudo(host: Host, call: Call) -> int:
    """The user is root already; what counts is that sudo is called so that it can never ask for a password."""
    given = parse(call.arguments, ("-n/--non-interactive", "-H/--set-home"), ("-u/--user",), stop=True)
    if not given.has("-n"):
        raise Violation("without -n sudo may ask for a password and wait for ever")
    if given.get("-u", "root") != "root" or not given.words:
        raise Violation("sudo for another user than root, or of nothing")
    if given.words == ["true"]:
        return 0
    raise Execute(given.words)


@command("cloud-init")
def cloud_init(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("--wait/-w", "--long/-l"), ("--format",))
    if given.words != ["status"]:
        raise Violation("the model knows cloud-init status only")
    if given.get("--format") == "json":
        call.out('{"status": "done", "extended_status": "done", "errors": [], "recoverable_errors": {}}\n')
    else:
        call.out("status: done\n" + ("extended_status: done\nerrors: []\n" if given.has("--long") else ""))
    return 0


@command("hostname")
def hostname(host: Host, call: Call) -> int:
    answers = {
        (): host.name,
        ("-s",): host.name,
        ("--short",): host.name,
        ("-f",): f"{host.name}.{host.world.site.cluster.network.private_zone}",
        ("-I",): f"{host.machine.private_ip} ",
        ("-i",): str(host.machine.private_ip),
    }
    if call.arguments not in answers:
        raise Violation("the machine's name is cloud-init's")
    call.out(answers[call.arguments] + "\n")
    return 0


@command("hostnamectl")
def hostnamectl(host: Host, call: Call) -> int:
    match call.arguments:
        case ("hostname",) | ("--static",) | ("hostname", "--static"):
            call.out(f"{host.name}\n")
        case () | ("status",):
            call.out(f" Static hostname: {host.name}\nOperating System: Ubuntu 24.04.3 LTS\n")
        case _:
            raise Violation("the machine's name is cloud-init's")
    return 0


@command("uname")
def uname(host: Host, call: Call) -> int:
    parts = {"-s": "Linux", "-n": host.name, "-r": image.KERNEL, "-m": "x86_64", "-o": "GNU/Linux", "-p": "x86_64"}
    words = call.arguments or ("-s",)
    if words == ("-a",):
        words = ("-s", "-n", "-r", "-m", "-o")
    if unknown := set(words) - set(parts):
        raise Violation(f"the model knows no uname {unknown}")
    call.out(" ".join(parts[word] for word in words) + "\n")
    return 0


@command("arch")
def arch(host: Host, call: Call) -> int:
    call.out("x86_64\n")
    return 0


@command("nproc")
def nproc(host: Host, call: Call) -> int:
    parse(call.arguments, ("--all",))
    call.out(f"{host.identity.vcpus}\n")
    return 0


@command("getconf")
def getconf(host: Host, call: Call) -> int:
    values = {"_NPROCESSORS_ONLN": host.identity.vcpus, "LONG_BIT": 64, "PAGE_SIZE": 4096, "ARG_MAX": 2097152}
    if len(call.arguments) != 1 or call.arguments[0] not in values:
        raise Violation("the model knows no such value")
    call.out(f"{values[call.arguments[0]]}\n")
    return 0


@command("free")
def free(host: Host, call: Call) -> int:
    units = {"-b": 1, "--bytes": 1, "-k": 1024, "-m": 1024**2, "--mebi": 1024**2, "-g": 1024**3}
    unknown = set(call.arguments) - set(units)
    if unknown:
        raise Violation(f"the model knows no free {unknown}")
    unit = units[call.arguments[-1]] if call.arguments else 1024
    # The kernel keeps a part for itself before anything is counted.
    total = int(host.identity.memory_bytes * 0.96) // unit
    swap = 2 * image.GIB // unit if host.kernel.swap else 0
    call.out("               total        used        free      shared  buff/cache   available\n")
    call.out(
        f"Mem:  {total:>14} {total // 10:>11} {total * 7 // 10:>11} {0:>11} {total // 5:>11} {total * 8 // 10:>11}\n"
    )
    call.out(f"Swap: {swap:>14} {0:>11} {swap:>11}\n")
    return 0


@command("df")
def df(host: Host, call: Call) -> int:
    given = parse(
        call.arguments,
        ("-k", "-m", "-h", "-P/--portability", "-i/--inodes", "-l", "-BG", "-B1", "-BM"),
        ("--output", "--block-size"),
    )
    total = int(host.node.disk_gb * image.GIB * 0.97)
    used = 3 * image.GIB
    size = {"1": 1, "1K": 1024, "1M": 1024**2, "M": 1024**2, "G": image.GIB, "1G": image.GIB}.get(
        given.get("--block-size"), 0
    )
    size = size or (
        1
        if given.has("-B1")
        else image.GIB
        if given.has("-BG")
        else 1024**2
        if given.has("-m") or given.has("-BM")
        else 1024
    )
    suffix = "G" if given.has("-BG") else "M" if given.has("-BM") else ""
    if given.has("-h") or given.has("-i"):
        raise Violation("figures for people, in a script")
    values = {
        "source": "/dev/root", "size": f"{total // size}{suffix}",
        "used": f"{used // size}{suffix}", "avail": f"{(total - used) // size}{suffix}",
        "pcent": f"{used * 100 // total}%", "target": "/",
    }  # fmt: skip
    wanted = given.get("--output").split(",") if given.has("--output") else list(values)
    if unknown := set(wanted) - set(values):
        raise Violation(f"the model knows no column {unknown} of df")
    titles = {
        "source": "Filesystem",
        "size": "1K-blocks",
        "used": "Used",
        "avail": "Avail",
        "pcent": "Use%",
        "target": "Mounted on",
    }
    for row in (titles, values):
        call.out(" ".join(f"{row[column]:>12}" for column in wanted) + "\n")
    return 0


@command("lsblk")
def lsblk(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("-b/--bytes", "-d/--nodeps", "-n/--noheadings", "-r"), ("-o/--output",))
    size = host.node.disk_gb * image.GIB
    values = {
        "NAME": "nvme0n1",
        "SIZE": str(size) if given.has("-b") else f"{host.node.disk_gb}G",
        "TYPE": "disk",
        "MOUNTPOINT": "",
    }
    columns = (given.get("-o") or "NAME,SIZE,TYPE,MOUNTPOINT").upper().split(",")
    if unknown := set(columns) - set(values):
        raise Violation(f"the model knows no column {unknown} of lsblk")
    if not given.has("-n"):
        call.out(" ".join(columns) + "\n")
    call.out(" ".join(values[column] for column in columns).rstrip() + "\n")
    return 0


@command("lsb_release")
def lsb_release(host: Host, call: Call) -> int:
    answers = {"-cs": "noble", "-sc": "noble", "-rs": "24.04", "-sr": "24.04", "-is": "Ubuntu", "-si": "Ubuntu"}
    if len(call.arguments) != 1 or call.arguments[0] not in answers:
        raise Violation("the model knows no such lsb_release")
    call.out(answers[call.arguments[0]] + "\n")
    return 0


@command("systemd-detect-virt")
def detect_virt(host: Host, call: Call) -> int:
    call.out("amazon\n")
    return 0


@command(
    "loginctl",
    "lscpu",
    "blkid",
    "ec2metadata",
    "needrestart",
    "logrotate",
    "systemd-analyze",
    "ufw",
    "nft",
    "update-ca-certificates",
)
def unmodelled(host: Host, call: Call) -> int:
    raise Violation("the model has no answer to this yet")
