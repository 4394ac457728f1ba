"""``./inv deploy`` in a process of its own, from a tree with other charts: ``driver CHARTS [--resume] RELEASE ...``."""

import sys
from pathlib import Path

from provisioning.cluster import CLUSTER_FILE, load
from provisioning.deploy.command import deploy
from provisioning.operations.performing import Asked
from provisioning.site import Site

charts, *words = sys.argv[1:]
only = [word for word in words if not word.startswith("-")]
asked = Asked(json=True, resume="--resume" in words)
sys.exit(int(deploy(Site.of(load(), CLUSTER_FILE), asked, only=only, charts=Path(charts))))
