"""Steps outside of a run: for what only looks, with the same bounds and the same care for secrets."""

from provisioning.run import Step, Stop
from provisioning.site import Site


def look(site: Site, subject: str, node: str | None = None, *, timeout_s: float = 30.0) -> Step:
    """A step that changes nothing; what it says is kept for an error and shown to nobody."""
    return Step(
        subject,
        node,
        attempt=1,
        timeout_s=timeout_s,
        stop=Stop(),
        redactor=site.redactor,
        show=lambda phase, node, line: None,
    )
