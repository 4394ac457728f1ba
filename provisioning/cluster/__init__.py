"""What the cluster is: ``provisioning/cluster.yaml`` as types, checked to the column, and all that follows from it.

The phases of a rebuild call it; it knows of no machine, no network and no command. `load` is where one begins.
"""

from provisioning.cluster.errors import ConfigurationError, Finding
from provisioning.cluster.loading import CLUSTER_FILE, Examination, examine, examples_left, load
from provisioning.cluster.machines import Host, Machine, MachinesDiffer, inventory, machines
from provisioning.cluster.model import Cluster, Node, Release
from provisioning.cluster.versions import UpgradeRefused, Version, matrix, upgrade_path

__all__ = [
    "CLUSTER_FILE",
    "Cluster",
    "ConfigurationError",
    "Examination",
    "Finding",
    "Host",
    "Machine",
    "MachinesDiffer",
    "Node",
    "Release",
    "UpgradeRefused",
    "Version",
    "examine",
    "examples_left",
    "inventory",
    "load",
    "machines",
    "matrix",
    "upgrade_path",
]
