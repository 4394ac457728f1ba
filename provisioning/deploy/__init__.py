"""Releases and passwords of a cluster that stands: deploy, what a deploy would change, the way back, rotation.

Called by ``provisioning.commands``; each command returns what the process should end with, and raises no `RunError`.
What a release should be is the phase ``releases``'s word; nothing here decides it a second time.
"""
