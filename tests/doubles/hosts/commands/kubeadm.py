"""kubeadm's command line, and kubelet's."""

from __future__ import annotations

import json

from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.kubeadm import certs, images, init, join, reset, tokens, upgrade
from tests.doubles.hosts.kubeadm.versions import kubeadm_version
from tests.doubles.hosts.server import command


@command("kubeadm")
def kubeadm(host: Host, call: Call) -> int:
    match call.arguments:
        case ("version", *words):
            return _version(host, call, words)
        case ("init", "phase", *words):
            return init.phase(host, call, words)
        case ("init", *words):
            return init.init(host, call, words)
        case ("join", *words):
            return join.join(host, call, words)
        case ("token", *words):
            return tokens.token(host, call, words)
        case ("certs", *words):
            return certs.certs(host, call, words)
        case ("upgrade", *words):
            return upgrade.upgrade(host, call, words)
        case ("reset", *words):
            return reset.reset(host, call, words)
        case ("config", *words):
            return images.config(host, call, words)
    raise Violation("the model knows no such kubeadm")


def _version(host: Host, call: Call, words: list[str]) -> int:
    version = kubeadm_version(host)
    match parse(words, (), ("-o/--output",)).get("-o"):
        case "short":
            call.out(f"{version}\n")
        case "json":
            major, minor, _ = version[1:].split(".")
            call.out(json.dumps({"clientVersion": {"major": major, "minor": minor, "gitVersion": version}}) + "\n")
        case _:
            call.out(f'kubeadm version: &version.Info{{GitVersion:"{version}"}}\n')
    return 0


@command("kubelet")
def kubelet(host: Host, call: Call) -> int:
    if call.arguments != ("--version",):
        raise Violation("systemd starts the kubelet")
    call.out(f"Kubernetes v{host.packages.installed['kubelet'].partition('-')[0]}\n")
    return 0
