"""Healthy is what answers the world: through the load balancer, under the public name, with a certificate."""

import http.server
import random
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from provisioning.kubernetes.health import balancers_of, health_paths, health_problem
from tests.doubles.kubernetes.certificates import Authority

Serve = Callable[[int, ssl.SSLContext | None], str]
HOST = "api.example.test"


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if (self.path, self.headers["Host"]) == ("/waste/health", HOST) else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves on a port of an address of its own, which it returns."""
    address = f"127.{random.randint(100, 199)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    with ExitStack() as stack:

        def begin(port: int, secure: ssl.SSLContext | None) -> str:
            try:
                server = http.server.ThreadingHTTPServer((address, port), Answering)
            except PermissionError:
                pytest.skip(f"port {port} is for root alone")
            if secure:
                server.socket = secure.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return address

        yield begin


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ssl.SSLContext]:
    """A server's certificate for a name, of an authority that this machine trusts."""
    authority = Authority.new()
    (tmp_path / "ca.crt").write_text(authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))

    def context(name: str) -> ssl.SSLContext:
        certificate, key = authority.issued(name, names=[name])
        (tmp_path / "server.pem").write_text(certificate + key)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(tmp_path / "server.pem")
        return made

    return context


def test_the_public_name_answers_through_the_load_balancer(
    serve: Serve, certified: Callable[[str], ssl.SSLContext]
) -> None:
    assert health_problem(serve(443, certified(HOST)), HOST, "/waste/health") is None


def test_a_certificate_for_another_name_is_no_answer(serve: Serve, certified: Callable[[str], ssl.SSLContext]) -> None:
    said = health_problem(serve(443, certified("other.example.test")), HOST, "/waste/health")
    assert said is not None
    assert "certificate" in said.lower()


def test_another_answer_than_200_is_told(serve: Serve, certified: Callable[[str], ssl.SSLContext]) -> None:
    said = health_problem(serve(443, certified(HOST)), HOST, "/auth/health")
    assert said == f"https://{HOST}/auth/health answers with 404"


def test_a_load_balancer_that_does_not_answer_is_told(serve: Serve) -> None:
    address = serve(80, None)
    said = health_problem(address, HOST, "/waste/health")
    assert said is not None
    assert f"does not answer through {address}" in said


def ingress(*, certificate: bool, hostname: str | None) -> dict[str, Any]:
    annotations = {"alb.ingress.kubernetes.io/certificate-arn": "arn"} if certificate else {}
    paths = [{"path": path} for path in ("/api/waste", "/waste/health", "/user/health")]
    return {
        "metadata": {"name": "edge", "annotations": annotations},
        "spec": {"rules": [{"host": HOST, "http": {"paths": paths}}]},
        "status": {"loadBalancer": {"ingress": [{"hostname": hostname}] if hostname else []}},
    }


def test_every_health_path_that_is_routed_is_asked_for() -> None:
    secure = ingress(certificate=True, hostname="lb")
    assert list(health_paths(secure)) == [("lb", HOST, "/waste/health"), ("lb", HOST, "/user/health")]
    assert [host for _, host, _ in health_paths(ingress(certificate=False, hostname="lb"))] == [None, None]


def test_an_ingress_without_a_load_balancer_asks_for_nothing() -> None:
    assert balancers_of(ingress(certificate=True, hostname=None)) == []
    assert list(health_paths(ingress(certificate=True, hostname=None))) == []
