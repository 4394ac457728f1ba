"""Which machine a node has now, for a step's inputs: when it is replaced, the step runs again."""

from provisioning.site import Site


def instance_id(site: Site, node: str | None) -> str:
    """Raises `NotYet` before Terraform has made one, `OutputsUnreadable`."""
    assert node is not None, "asked for the cluster as a whole"
    return site.machines()[node].instance_id
