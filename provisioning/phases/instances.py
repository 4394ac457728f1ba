"""Which machine a node has now, for a step's inputs: when it is replaced, the step runs again."""

from provisioning.run import NotYet
from provisioning.site import Site


def instance_id(site: Site, node: str | None) -> str | None:
    """None before Terraform has made one. Raises `OutputsUnreadable`."""
    assert node is not None, "asked for the cluster as a whole"
    try:
        return site.machines()[node].instance_id
    except NotYet:
        return None
