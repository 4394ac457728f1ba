"""Stand-ins for services that tests may not reach, as real servers that speak the real protocol.

For tests and load runs only; nothing here is part of the running system, and nothing in it is monkey-patched.
"""
