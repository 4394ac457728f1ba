"""What a host reaches over HTTP: package repositories and its own services by the model, loopback in truth."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.doubles.hosts import catalogue
from tests.doubles.hosts.host import Host

# Package repositories and registries: what they answer to a request of their front page or API.
REACHABLE = {
    "download.docker.com": 200,
    "pkgs.k8s.io": 200,
    "prod-cdn.packages.k8s.io": 200,
    "registry.k8s.io": 200,
    "quay.io": 200,
    "docker.io": 200,
    "registry-1.docker.io": 401,
    "ghcr.io": 401,
    "public.ecr.aws": 401,
    "archive.ubuntu.com": 200,
    "ap-northeast-2.ec2.archive.ubuntu.com": 200,
    "security.ubuntu.com": 200,
    "dl.k8s.io": 200,
    "checkip.amazonaws.com": 200,
}


class Unreachable(Exception):
    """Nobody answers; ``code`` is curl's."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True)
class Request:
    """``body`` as text is a file of the host; ``ca``, ``certificate`` and ``key`` are files of the host too."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | str | None = None
    insecure: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""


def ask(host: Host, request: Request) -> Response:
    """Raises `Unreachable`."""
    parts = urlsplit(request.url)
    name, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if name in host.world.unreachable:
        raise Unreachable(28, f"Connection timed out after 5001 milliseconds ({name})")
    if port == 6443:
        return _api_server(host, request, parts.path)
    if name == "169.254.169.254":
        return _metadata(host, request, parts.path)
    if name in ("127.0.0.1", "localhost") and port in (2381, 10248, 10257, 10259):
        return _own_service(host, port)
    if name.startswith("127.") or name == "localhost":
        return _really(host, request)
    if name in REACHABLE:
        return Response(*_repository(request.url) or (REACHABLE[name], b""))
    raise Unreachable(6, f"Could not resolve host: {name}")


def _repository(url: str) -> tuple[int, bytes] | None:
    if url == "https://download.docker.com/linux/ubuntu/gpg":
        return 200, catalogue.DOCKER.armored.encode()
    if found := re.fullmatch(r"https://pkgs\.k8s\.io/core:/stable:/v(\d+\.\d+)/deb/(.*)", url):
        known = catalogue.repository(url.rpartition("/")[0], "/", "")
        if known is None:
            return 403, b""
        return 200, catalogue.KUBERNETES.armored.encode() if found[2] == "Release.key" else b""
    return None


def _api_server(host: Host, request: Request, path: str) -> Response:
    kubernetes = host.world.kubernetes
    if not kubernetes.api_answers():
        raise Unreachable(7, "Failed to connect: Connection refused")
    if path.rstrip("/") in ("/healthz", "/readyz", "/livez"):
        return Response(200, b"ok")
    return Response(401, json.dumps({"kind": "Status", "code": 401, "reason": "Unauthorized"}).encode())


def _own_service(host: Host, port: int) -> Response:
    pods = host.pods
    up = {
        2381: "etcd" in pods,
        10248: host.units.is_active("kubelet"),
        10257: "kube-controller-manager" in pods,
        10259: "kube-scheduler" in pods,
    }
    if not up[port]:
        raise Unreachable(7, f"Failed to connect to 127.0.0.1 port {port}: Connection refused")
    return Response(200, b'{"health":"true","reason":""}' if port == 2381 else b"ok")


def _metadata(host: Host, request: Request, path: str) -> Response:
    """The instance metadata service, version 2: without a token it says no."""
    if path == "/latest/api/token":
        known = request.method == "PUT" and "X-aws-ec2-metadata-token-ttl-seconds" in request.headers
        return Response(200, b"AQAEAtoken==") if known else Response(400)
    if request.headers.get("X-aws-ec2-metadata-token") != "AQAEAtoken==":
        return Response(401)
    values = {
        "/latest/meta-data/instance-id": host.machine.instance_id,
        "/latest/meta-data/local-ipv4": str(host.machine.private_ip),
        "/latest/meta-data/public-ipv4": str(host.machine.public_ip),
        "/latest/meta-data/placement/availability-zone": host.machine.zone,
        "/latest/meta-data/instance-type": host.node.type,
    }
    return Response(200, values[path].encode()) if path in values else Response(404)


def _really(host: Host, request: Request) -> Response:
    body = host.path(request.body).read_bytes() if isinstance(request.body, str) else request.body
    context = None
    if request.url.startswith("https:"):
        context = ssl.create_default_context(cafile=str(host.path(request.ca)) if request.ca else None)
        if request.insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if request.certificate:
            context.load_cert_chain(host.path(request.certificate), host.path(request.key) if request.key else None)
    asked = urllib.request.Request(request.url, body, dict(request.headers), method=request.method)
    try:
        with urllib.request.urlopen(asked, timeout=30, context=context) as answer:
            return Response(answer.status, answer.read())
    except urllib.error.HTTPError as error:
        return Response(error.code, error.read())
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise Unreachable(7, f"Failed to connect: {error}") from error
