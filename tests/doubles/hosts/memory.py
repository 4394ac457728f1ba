"""The Kubernetes side in memory, for tests that need no API server."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, replace
from threading import RLock

from tests.doubles.hosts.cluster import BootstrapToken, Made, Registration

MAGIC = b"eco2 etcd snapshot\n"


@dataclass
class _Store:
    version: str = ""
    nodes: dict[str, Registration] = field(default_factory=dict)
    tokens: dict[str, BootstrapToken] = field(default_factory=dict)


class MemoryCluster:
    """Implements `tests.doubles.hosts.cluster.Cluster`. A node is Ready while its kubelet runs and the API is up."""

    def __init__(self) -> None:
        self.control_plane: Made | None = None
        self.up = False
        self.kubelets: dict[str, bool] = {}
        self._store = _Store()
        self._lock = RLock()

    @property
    def nodes(self) -> dict[str, Registration]:
        return dict(self._store.nodes)

    @property
    def version(self) -> str:
        return self._store.version

    def made(self, made: Made) -> None:
        with self._lock:
            self.control_plane, self.up = made, True
            self._store = _Store(version=made.version)

    def addons_applied(self) -> None:
        """Nothing here runs pods."""

    def unmade(self) -> None:
        with self._lock:
            self.control_plane, self.up = None, False
            self._store = _Store()

    def set_api(self, *, up: bool) -> None:
        self.up = up

    def api_answers(self) -> bool:
        return self.control_plane is not None and self.up

    def upgraded(self, version: str) -> None:
        self._store.version = version

    def register_node(self, node: Registration) -> None:
        with self._lock:
            before = self._store.nodes.get(node.name)
            if before is not None:
                labels = {**before.labels, **node.labels}
                node = replace(
                    node, provider_id=before.provider_id or node.provider_id, labels=labels, taints=before.taints
                )
            self._store.nodes[node.name] = node
            self.kubelets[node.name] = True

    def node_ready(self, name: str) -> bool | None:
        with self._lock:
            return self.kubelets.get(name, False) if name in self._store.nodes else None

    def set_kubelet(self, name: str, *, runs: bool, version: str) -> None:
        with self._lock:
            self.kubelets[name] = runs
            if runs and name in self._store.nodes:
                self._store.nodes[name] = replace(self._store.nodes[name], kubelet_version=version)

    def remove_node(self, name: str) -> None:
        """As ``kubectl delete node``."""
        with self._lock:
            self._store.nodes.pop(name, None)

    def tokens(self) -> list[BootstrapToken]:
        with self._lock:
            return list(self._store.tokens.values())

    def add_token(self, token: BootstrapToken) -> None:
        with self._lock:
            if token.id in self._store.tokens:
                raise KeyError(token.id)
            self._store.tokens[token.id] = token

    def remove_token(self, token_id: str) -> None:
        with self._lock:
            del self._store.tokens[token_id]

    def snapshot(self) -> bytes:
        with self._lock:
            return MAGIC + pickle.dumps(self._store)

    def restore(self, snapshot: bytes) -> None:
        if not snapshot.startswith(MAGIC):
            raise ValueError("these bytes are no snapshot of etcd")
        with self._lock:
            self._store = pickle.loads(snapshot[len(MAGIC) :])
