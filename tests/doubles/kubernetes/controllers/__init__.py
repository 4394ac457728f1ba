"""The controllers of a cluster, without delays of their own: each looks at the objects and does what is missing.

`Controllers` runs them, one after the other, until none has anything left to do. Only the server calls it.
"""

from tests.doubles.kubernetes.controllers.loop import Controllers

__all__ = ["Controllers"]
