"""The hosts' double: a real sshd for each node of a cluster, with a file system and processes of its own, and a strict
model of the commands that change a machine (apt-get, systemctl, kubeadm …). Tests of provisioning call it, as root.
"""

from tests.doubles.hosts.cluster import BootstrapToken, Cluster, Made, Registration
from tests.doubles.hosts.faults import CutsConnection, DiskFull, Fails, Hangs, Reboots, Slow, SwitchesOff
from tests.doubles.hosts.fleet import equipped, network, new_site, node_facts, operator_key, write_outputs
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.memory import MemoryCluster
from tests.doubles.hosts.sandbox import Unavailable
from tests.doubles.hosts.world import HostWorld

__all__ = [
    "BootstrapToken",
    "Cluster",
    "CutsConnection",
    "DiskFull",
    "Fails",
    "Hangs",
    "Host",
    "HostWorld",
    "Made",
    "MemoryCluster",
    "Reboots",
    "Registration",
    "Slow",
    "SwitchesOff",
    "Unavailable",
    "equipped",
    "network",
    "new_site",
    "node_facts",
    "operator_key",
    "write_outputs",
]
