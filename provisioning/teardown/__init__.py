"""Taking one cluster down: everything that is its own, nothing of anybody else's, and a receipt of what was done.

One module for each kind of thing, the phases that remove them in order, and `command.destroy`, which is what the
command line calls.
"""

from provisioning.teardown.command import DestroyOptions, destroy

__all__ = ["DestroyOptions", "destroy"]
