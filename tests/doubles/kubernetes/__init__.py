"""A Kubernetes API server for the real kubectl and the real helm, and what a cluster's set-up meets of controllers.

For tests only, which call `KubernetesServer`; it runs in the test's process, in threads, over real HTTPS.
"""

from tests.doubles.kubernetes.server import KubernetesServer

__all__ = ["KubernetesServer"]
