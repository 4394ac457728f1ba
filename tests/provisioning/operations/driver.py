"""One command in a process of its own, as ``./inv`` runs it, for tests that kill it: ``driver FILE [--resume]``."""

import sys
from pathlib import Path

from provisioning.cluster import load
from provisioning.operations import commands
from provisioning.operations.performing import Asked
from provisioning.site import Site

file = Path(sys.argv[1])
asked = Asked(yes=True, resume="--resume" in sys.argv)
sys.exit(int(commands.cluster_upgrade(Site.of(load(file), file), asked, drain_s=20)))
