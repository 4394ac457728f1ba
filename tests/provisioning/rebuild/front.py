"""The load balancer as the world meets it: HTTPS on an address of its own, routed as the Ingresses say."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.doubles.kubernetes import KubernetesServer
from tests.doubles.kubernetes.certificates import Authority


class Front:
    """Answers a routed path with 200 while the workload behind its Service is ready, with 503 while not, else with 404.

    ``authority`` is the file with the certificate of the authority that a client has to believe.
    """

    def __init__(self, folder: Path, address: str, api: KubernetesServer, hosts: Sequence[str]) -> None:
        self.address = address
        self.authority = folder / "front-authority.pem"
        self._api = api
        authority = Authority.new()
        self.authority.write_text(authority.certificate)
        certificate, key = authority.issued(hosts[0], names=list(hosts))
        self._certificate = folder / "front.pem"
        self._certificate.write_text(certificate + key)

    def __enter__(self) -> Front:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        self._server = http.server.ThreadingHTTPServer((self.address, 443), _handler(self))
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="front", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def status(self, host: str, path: str) -> int:
        for ingress in self._api.list("Ingress", group="networking.k8s.io"):
            for rule in ingress["spec"]["rules"]:
                for each in rule["http"]["paths"]:
                    if rule.get("host") == host and each["path"] == path:
                        service = each["backend"]["service"]["name"]
                        return 200 if self._is_ready(ingress["metadata"]["namespace"], service) else 503
        return 404

    def _is_ready(self, namespace: str, service: str) -> bool:
        found = self._api.get("Service", service, namespace)
        workload = self._api.get("Deployment", service, namespace, "apps")
        ready = 0 if workload is None else workload.get("status", {}).get("readyReplicas", 0)
        return found is not None and ready > 0


def _handler(front: Front) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(front.status(str(self.headers["Host"]), self.path))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler
