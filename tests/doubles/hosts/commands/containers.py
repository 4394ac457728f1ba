"""containerd's own two commands."""

from __future__ import annotations

from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.commands.etcd import inside_etcd
from tests.doubles.hosts.containerd import CONFIG, default_config, read
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.server import command


@command("containerd")
def containerd(host: Host, call: Call) -> int:
    installed = host.packages.installed
    version = (installed.get("containerd.io") or installed["containerd"]).partition("-")[0]
    match call.arguments:
        case ("--version",) | ("-v",):
            call.out(f"containerd containerd.io v{version} 0000000000000000000000000000000000000000\n")
        case ("config", "default"):
            call.out(default_config(version))
        case ("config", "dump") | ("-c", _, "config", "dump") | ("--config", _, "config", "dump"):
            path = CONFIG if len(call.arguments) == 2 else call.arguments[1]
            try:
                read(version, host.read(path))
            except ValueError as error:
                raise Exit(1, f"containerd: {error}") from error
            call.out(host.read(path))
        case _:
            raise Violation("systemd starts containerd")
    return 0


@command("ctr")
def ctr(host: Host, call: Call) -> int:
    given = parse(call.arguments, (), ("-n/--namespace", "-a/--address"), stop=True)
    if host.runtime is None:
        raise Exit(1, 'ctr: failed to dial "/run/containerd/containerd.sock": connection refused')
    match given.words:
        case ["version"]:
            call.out(f"Client:\n  Version:  v{host.runtime.version}\nServer:\n  Version:  v{host.runtime.version}\n")
            return 0
        case ["images" | "image" | "i", "ls" | "list" | "check", *_]:
            call.out("".join(f"{image}\n" for image in sorted(host.images)))
            return 0
        case ["run", *words] if given.get("-n") == "k8s.io":
            return _run(host, call, words)
    raise Violation("the model knows no such ctr (and Kubernetes' images are in the namespace k8s.io)")


def _run(host: Host, call: Call, words: list[str]) -> int:
    given = parse(
        words, ("--rm", "--net-host", "--privileged", "-t"), ("--mount", "--user", "--env", "--cwd"), stop=True
    )
    image, _, *command_line = given.words
    if image not in host.images:
        raise Exit(1, f'ctr: image "{image}": not found')
    if "/etcd:" not in image:
        raise Violation(f"the model runs nothing of {image}")
    mounts = {}
    for mount in given.all("--mount"):
        parts = dict(part.partition("=")[::2] for part in mount.split(","))
        mounts[parts["dst"]] = parts["src"]
    return inside_etcd(host, call, command_line, mounts, running=False)
