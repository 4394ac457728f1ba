"""The phases that turn an account into a running cluster, one module each, in the order of `provisioning.rebuild`.

Each takes in its constructor what it needs and nothing more; none knows another.
"""
