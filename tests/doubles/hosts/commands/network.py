"""What lists ports, addresses and rules; and kubectl."""

from __future__ import annotations

import re

from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Execute, Exit, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.server import command


def listening(host: Host) -> list[int]:
    """The ports that something of the host listens on."""
    ports = {22, *host.occupied_ports}
    if host.units.is_active("kubelet"):
        ports |= {10248, 10250}
    for pod, numbers in _PORTS.items():
        if pod in host.pods:
            ports |= numbers
    return sorted(ports)


_PORTS = {
    "kube-apiserver": {6443},
    "etcd": {2379, 2380, 2381},
    "kube-controller-manager": {10257},
    "kube-scheduler": {10259},
}


@command("ss")
def ss(host: Host, call: Call) -> int:
    given = parse(
        call.arguments,
        ("-H/--no-header", "-l/--listening", "-t/--tcp", "-n/--numeric", "-4", "-6", "-u", "-a", "-p/--processes"),
    )
    wanted = {int(number) for number in re.findall(r"sport *(?:=|eq|==) *:?(\d+)", " ".join(given.words))}
    if given.words and not wanted:
        raise Violation("the model's ss filters by sport = :PORT only")
    if not given.has("-l") or not given.has("-n"):
        raise Violation("the model's ss lists listening ports as numbers only")
    if not given.has("-H"):
        call.out("State  Recv-Q Send-Q Local Address:Port  Peer Address:Port\n")
    for port in listening(host):
        if not wanted or port in wanted:
            call.out(f"LISTEN 0      4096         0.0.0.0:{port}       0.0.0.0:*\n")
    return 0


@command("ip")
def ip(host: Host, call: Call) -> int:
    words = [word for word in call.arguments if word not in ("-o", "-4", "-br", "--oneline", "-brief")]
    match words:
        case ["addr" | "a" | "address", *_]:
            call.out(
                f"2: ens5    inet {host.machine.private_ip}/24 metric 100 brd 10.0.0.255 scope global dynamic ens5\n"
            )
        case ["route" | "r", *_]:
            call.out(f"default via 10.0.1.1 dev ens5 proto dhcp src {host.machine.private_ip} metric 100\n")
        case ["link", "delete" | "del", *names]:
            raise Exit(1, f'Cannot find device "{names[-1]}"')
        case ["link", "show", *_]:
            call.out("2: ens5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9001\n")
        case _:
            raise Violation("the model knows no such ip")
    return 0


@command("iptables", "ip6tables", "ipvsadm", "ipset", "iptables-save", "iptables-restore")
def rules(host: Host, call: Call) -> int:
    """What kube-proxy has left: there until it is flushed."""
    words = set(call.arguments)
    if words & {"-F", "--flush", "-X", "--clear", "-C", "destroy", "flush", "-Z"}:
        if host.network_rules:
            call.changed("flush the rules of the network")
        host.network_rules = False
    elif not words & {"-S", "-L", "-n", "--version", "-V"} and call.name != "iptables-save":
        raise Violation("only Kubernetes writes rules; a phase may flush or list them")
    return 0


@command("kubectl")
def kubectl(host: Host, call: Call) -> int:
    if host.world.kubectl is not None:
        raise Execute([f"/{_SIM}/kubectl", *call.arguments])
    given = parse(call.arguments, (), ("--kubeconfig", "--request-timeout", "--raw", "-n/--namespace", "-o/--output"))
    if not host.exists(given.get("--kubeconfig") or "/etc/kubernetes/admin.conf"):
        raise Exit(1, "error: stat: no such file or directory")
    if not host.world.kubernetes.api_answers():
        raise Exit(1, "The connection to the server was refused - did you specify the right host or port?")
    if given.words == ["get"] and given.get("--raw") in ("/readyz", "/livez", "/healthz"):
        call.out("ok")
        return 0
    if given.words[0] == "get" and set(given.words[1:]) <= _ADDONS and given.get("-n") == "kube-system":
        if not host.world.addons:
            raise Exit(1, f'Error from server (NotFound): "{given.words[1]}" not found')
        call.out("".join(f"{name.replace('/', '.apps/')}\n" for name in given.words[1:]))
        return 0
    raise Violation("this world has no kubectl: give it the real one and a Kubernetes side that answers")


@command("wget", "conntrack", "socat", "jq")
def never(host: Host, call: Call) -> int:
    raise Violation("the model has no answer to this")


_SIM = ".sim"
_ADDONS = {"daemonset/kube-proxy", "deployment/coredns"}
