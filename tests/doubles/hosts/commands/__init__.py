"""The models of the commands: one module a subject, each function registered under the names it answers to.

Imported by the world alone; a model gets its host and its call and returns the exit code.
"""

from tests.doubles.hosts.commands import (
    apt,
    clock,
    containers,
    crictl,
    download,
    dpkg,
    etcd,
    kernel,
    kubeadm,
    machine,
    network,
    systemd,
)

__all__ = [
    "apt",
    "clock",
    "containers",
    "crictl",
    "download",
    "dpkg",
    "etcd",
    "kernel",
    "kubeadm",
    "machine",
    "network",
    "systemd",
]
