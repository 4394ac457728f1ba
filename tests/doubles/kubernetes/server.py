"""The API server as tests hold it: made with a CA, stopped and started, its faults and what it was asked."""

from __future__ import annotations

import pickle
import ssl
import tempfile
import threading
from pathlib import Path
from types import TracebackType

from tests.doubles.hosts.cluster import Made
from tests.doubles.kubernetes.api import Api
from tests.doubles.kubernetes.certificates import Authority, kubeconfig
from tests.doubles.kubernetes.controllers import Controllers
from tests.doubles.kubernetes.defaults import Defaults
from tests.doubles.kubernetes.exec import Call, Ended, Execute
from tests.doubles.kubernetes.faults import Faults
from tests.doubles.kubernetes.http import Listener, Recorded, Serving
from tests.doubles.kubernetes.kubeadm import addons, brought_up
from tests.doubles.kubernetes.membership import Membership
from tests.doubles.kubernetes.objects import Objects
from tests.doubles.kubernetes.resources import Resources, defined
from tests.doubles.kubernetes.store import Change, Object, Store
from tests.doubles.kubernetes.world import World

_MAGIC = b"eco2 etcd snapshot of the API double\n"
_IGNORED = ("leases.coordination.k8s.io", "events", "selfsubjectaccessreviews")
_CRD = "customresourcedefinitions.apiextensions.k8s.io"


class KubernetesServer(Membership):
    """Implements `tests.doubles.hosts.cluster.Cluster`; `standing` makes one that needs no machines.

    ``world`` holds what a test may set: delays, images that are bad, what the cloud does. ``faults`` goes wrong with
    requests, ``execute`` runs what `kubectl exec` asks for. `settle` waits until the controllers have nothing left to
    do.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults = Faults()
        self.requests: list[Recorded] = []
        self.authority: Authority | None = None
        self.address, self.port = "127.0.0.1", 0
        # What `kubectl exec` runs; a test that needs programs in containers sets it.
        self.execute: Execute = _no_programs
        self._context: ssl.SSLContext | None = None
        self._listener: Listener | None = None
        self._controllers: Controllers | None = None
        self._guard = threading.RLock()
        self._begin(Store())

    @classmethod
    def standing(cls, *, version: str = "v1.34.5", address: str = "127.0.0.1", port: int = 0) -> KubernetesServer:
        """One with a CA of its own, on a free port unless one is named; answers at once."""
        authority = Authority.new()
        certificate, key = authority.issued("kube-apiserver", names=[address, "localhost", "kubernetes"])
        server = cls()
        server.made(
            Made(
                "double",
                version,
                f"{address}:{port}",
                address,
                port,
                authority.certificate,
                authority.key,
                certificate,
                key,
                "192.168.0.0/16",
                "10.96.0.0/12",
            )
        )
        server.addons_applied()
        return server

    def _begin(self, store: Store) -> None:
        self.store = store
        self.resources = Resources()
        self.objects = Objects(store, self.resources, Defaults())
        store.on_change.append(self._define)
        for definition in store.list(_CRD):
            self._define(Change(0, (_CRD, "", ""), None, definition))

    def _define(self, change: Change) -> None:
        if change.key[0] != _CRD:
            return
        if change.before:
            self.resources.drop(change.before["spec"]["group"], change.before["spec"]["names"]["plural"])
        if change.after:
            for resource in defined(change.after):
                self.resources.add(resource)

    def made(self, made: Made) -> None:
        with self._guard:
            self._stop()
            self.authority = Authority(made.ca_certificate, made.ca_key)
            self.address, self.port, self.version = made.address, made.port, made.version
            self.name, self.endpoint = made.name, made.endpoint
            self._context = _context(made)
            self._begin(Store())
            brought_up(self.store, self.objects, made)
            self._start()

    def addons_applied(self) -> None:
        with self.store.lock:
            addons(self.store, self.objects, self.version)

    def unmade(self) -> None:
        with self._guard:
            self._stop()
            self._context = None
            self.kubelets.clear()
            self._begin(Store())

    def set_api(self, *, up: bool) -> None:
        with self._guard:
            if up and self._listener is None and self._context is not None:
                self._start()
            elif not up:
                self._stop()

    def api_answers(self) -> bool:
        return self._listener is not None

    def _start(self) -> None:
        assert self._context is not None
        assert self.authority is not None
        ending = threading.Event()
        self.store.closed = False
        api = Api(self.store, self.resources, self.objects, self.version, ending)
        serving = Serving(
            api.answer,
            self.store.my_changes,
            self.requests.append,
            self.faults,
            # Looked up when it is asked for: a test may set it later.
            lambda call: self.execute(call),
            lambda namespace, name: self.get("Pod", name, namespace),
        )
        self._listener = Listener(self.address, self.port, self._context, serving)
        self.port = self._listener.server_address[1]
        self._ending = ending
        view = World(self.store, self.objects, self.resources, self.settings, self.kubelets, self.authority)
        self._controllers = Controllers(view)

    def _stop(self) -> None:
        if self._listener is None:
            return
        self._ending.set()
        self.store.close()
        if self._controllers:
            self._controllers.stop()
        self._listener.stop()
        self._listener = self._controllers = None

    def upgraded(self, version: str) -> None:
        with self._guard:
            was_up = self.api_answers()
            self._stop()
            self.version = version
            self._note_version(version)
            if was_up:
                self._start()

    def settle(self, timeout_s: float = 20.0) -> None:
        """Waits until the controllers have nothing to do. Raises TimeoutError with what they were at."""
        controllers = self._controllers
        if controllers:
            controllers.settle(timeout_s)

    def snapshot(self) -> bytes:
        with self.store.lock:
            kept = {key: self.store.list(key) for key in self.store.resources()}
            return _MAGIC + pickle.dumps((self.store.version, kept))

    def restore(self, snapshot: bytes) -> None:
        if not snapshot.startswith(_MAGIC):
            raise ValueError("these bytes are no snapshot of etcd")
        version, kept = pickle.loads(snapshot[len(_MAGIC) :])
        with self._guard:
            was_up = self.api_answers()
            self._stop()
            store = Store()
            for key, items in kept.items():
                for item in items:
                    store.put(key, item)
            store.version = max(version, store.version) + 1000
            self._begin(store)
            if was_up:
                self._start()

    def mutations(self) -> list[Recorded]:
        """The requests that changed something: leases, events and writes that wrote what was there do not count."""
        ignored = ("/leases", "/events")
        return [each for each in list(self.requests) if each.changed and not any(part in each.path for part in ignored)]

    def kubeconfig(self, user: str = "kubernetes-admin", groups: tuple[str, ...] = ("system:masters",)) -> str:
        """As admin.conf: a client certificate of this user."""
        assert self.authority is not None
        return kubeconfig(self.authority, f"https://{self.address}:{self.port}", user, groups)

    def get(self, kind: str, name: str, namespace: str = "", group: str = "") -> Object | None:
        """An object as it lies there: ``get("Deployment", "coredns", "kube-system", "apps")``."""
        return self.store.get(self.resources.of_kind(kind, group).key, namespace, name)

    def list(self, kind: str, namespace: str | None = None, group: str = "") -> list[Object]:
        return self.store.list(self.resources.of_kind(kind, group).key, namespace)

    def put(self, item: Object) -> Object:
        """Places an object as an administrator would, checked."""
        group, _, _ = item["apiVersion"].rpartition("/")
        resource = self.resources.of_kind(item["kind"], group)
        return self.objects.create(resource, item["metadata"].get("namespace", ""), item, "test")

    def close(self) -> None:
        with self._guard:
            self._stop()

    def __enter__(self) -> KubernetesServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _no_programs(call: Call) -> Ended:
    return Ended(126, stderr=f'OCI runtime exec failed: exec: "{call.words[0]}": not found in $PATH\n'.encode())


def _context(made: Made) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=made.ca_certificate)
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.TemporaryDirectory() as folder:
        chain, key = Path(folder, "server.crt"), Path(folder, "server.key")
        chain.write_text(made.server_certificate)
        key.touch(mode=0o600)
        key.write_text(made.server_key)
        context.load_cert_chain(chain, key)
    return context
