"""Life after the rebuild: status, upgrade, one node's reset or replacement, certificates, etcd's backup and restore.

`commands` is what ``./inv`` calls. What changes something is made of phases, as a rebuild is; what only looks is not.
"""
