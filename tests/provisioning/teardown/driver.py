"""A teardown as a process of its own: ``python -m tests.provisioning.teardown.driver [--resume]``.

Its environment says which account (AWS_ENDPOINT_URL) and which folder (ECO2_CLUSTERS).
"""

import sys

from provisioning.cluster import load
from provisioning.site import Site
from provisioning.teardown import DestroyOptions, destroy
from tests.provisioning.teardown.calling import SMALL

if __name__ == "__main__":
    cluster = load(SMALL)
    sys.exit(destroy(Site.of(cluster, SMALL), DestroyOptions(yes=cluster.name, resume="--resume" in sys.argv)))
