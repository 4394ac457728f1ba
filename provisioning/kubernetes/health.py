"""Whether the API answers the world: a request to the load balancer, as a client of the public name would send it."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Any

_TIMEOUT_S = 10.0
_CERTIFICATE = "alb.ingress.kubernetes.io/certificate-arn"


def balancers_of(ingress: dict[str, Any]) -> list[str]:
    """The names of the load balancers that the controller has made for it."""
    made = ingress.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    return [str(each["hostname"]) for each in made if each.get("hostname")]


def health_paths(ingress: dict[str, Any]) -> Iterator[tuple[str, str | None, str]]:
    """(load balancer, host, path) for each health path that it routes; the host is None where it has no certificate."""
    secure = _CERTIFICATE in ingress["metadata"].get("annotations", {})
    for balancer in balancers_of(ingress):
        for rule in ingress["spec"].get("rules", ()):
            for each in rule.get("http", {}).get("paths", ()):
                if str(each.get("path", "")).endswith("/health"):
                    yield balancer, rule.get("host") if secure else None, each["path"]


def health_problem(load_balancer: str, host: str | None, path: str) -> str | None:
    """Why the path does not answer with 200 through the load balancer; None when it does.

    ``host`` is the public name: then over HTTPS, with a certificate that is valid for it; None: over HTTP. The load
    balancer itself is asked, so a name that resolvers still remember wrongly says nothing against it.
    """
    name = host or load_balancer
    where = f"{'https' if host else 'http'}://{name}{path}"
    try:
        with socket.create_connection((load_balancer, 443 if host else 80), timeout=_TIMEOUT_S) as plain:
            if host is None:
                return _asked(plain, name, path, where)
            with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure:
                return _asked(secure, name, path, where)
    except (OSError, http.client.HTTPException) as error:
        return f"{where} does not answer through {load_balancer}: {error}"


def _asked(connected: socket.socket, name: str, path: str, where: str) -> str | None:
    connection = http.client.HTTPConnection(name, timeout=_TIMEOUT_S)
    connection.sock = connected
    connection.request("GET", path, headers={"User-Agent": "eco2-verify"})
    status = connection.getresponse().status
    return None if status == http.client.OK else f"{where} answers with {status}"
