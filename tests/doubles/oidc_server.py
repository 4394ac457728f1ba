"""A stand-in for Google, Kakao and Naver as sign-in providers, over HTTP: ``python -m tests.doubles.oidc_server``.

Its first line is its URL. Google's part is at ``/google`` (OpenID Connect with discovery), the others at ``/kakao`` and
``/naver`` (OAuth 2.0 with a profile). It takes a browser's visit at ``authorize`` as consent and sends it back with a
code. It checks strictly: the client and its secret, the exact redirect address, that PKCE is S256 and fits, that a code
is used once and for its provider, the bearer token at the profile; Naver also wants the state at the token endpoint.

``PUT /control`` with a JSON object sets who signs in and what goes wrong, until the next one:

    person          claims of Google, the profile of Kakao or Naver
    fault           of `oidc_tokens.FORGERIES`, or "token_500", "token_hang", "token_html", "discovery_issuer"
    claims          claims of the ID token that are other than they should be; null leaves one out
    rotate          true: sign with a new key from now on

``GET /control`` tells what was asked of the token endpoint so far, as a list of its forms, without secrets.
"""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.doubles.oidc_tokens import Signer

CLIENTS = {name: (f"{name}-client", f"{name}-secret") for name in ("google", "kakao", "naver")}
HANG_S = 30


@dataclass
class State:
    """What the server knows."""

    signer: Signer = field(default_factory=Signer)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    access_tokens: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    control: dict[str, Any] = field(default_factory=dict)


class Refused(Exception):
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


class Handler(BaseHTTPRequestHandler):
    state: ClassVar[State]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve({**self._discovery_routes(), "/control": lambda: self._json(200, self.state.asked)})

    def do_POST(self) -> None:
        self._serve({f"/{name}/token": lambda name=name: self._token(name) for name in CLIENTS})

    def do_PUT(self) -> None:
        self._serve({"/control": self._control})

    def _discovery_routes(self) -> dict[str, Any]:
        routes: dict[str, Any] = {
            "/google/.well-known/openid-configuration": self._configuration,
            "/google/jwks": lambda: self._json(200, self.state.signer.jwks()),
        }
        for name in CLIENTS:
            routes[f"/{name}/authorize"] = lambda name=name: self._authorize(name)
            routes[f"/{name}/profile"] = lambda name=name: self._profile(name)
        return routes

    def _serve(self, routes: dict[str, Any]) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(length).decode()
        handle = routes.get(urlsplit(self.path).path)
        try:
            if handle is None:
                raise Refused(404, "not_found")
            handle()
        except Refused as refused:
            self._json(refused.status, {"error": refused.error, "error_description": "by the stand-in"})

    def _control(self) -> None:
        self.state.control = json.loads(self.body)
        self.state.asked.clear()
        if self.state.control.get("rotate"):
            self.state.signer.rotate()
        self._json(200, {})

    def _configuration(self) -> None:
        base = self._base("google")
        issuer = "https://evil.example" if self.state.control.get("fault") == "discovery_issuer" else base
        self._json(
            200,
            {
                "issuer": issuer,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/jwks",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
            },
        )

    def _authorize(self, name: str) -> None:
        query = _single(urlsplit(self.path).query)
        callback = query.get("redirect_uri", "")
        wrong = [
            query.get("client_id") != CLIENTS[name][0],
            query.get("response_type") != "code",
            query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43,
            len(query.get("state", "")) < 32,
            not callback.endswith(f"/api/auth/oauth/{name}/callback"),
            name == "google" and ("openid" not in query.get("scope", "").split() or len(query.get("nonce", "")) < 32),
        ]
        if any(wrong):
            raise Refused(400, f"invalid_request {wrong}")
        code = secrets.token_urlsafe(16)
        self.state.codes[code] = {**query, "provider": name}
        more = {"iss": self._base(name)} if name == "google" else {}
        self.send_response(302)
        self.send_header("Location", f"{callback}?{urlencode({'code': code, 'state': query['state'], **more})}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _token(self, name: str) -> None:
        form = _single(self.body)
        self.state.asked.append({key: value for key, value in form.items() if "secret" not in key})
        self._fail_as_told()
        client = (form.get("client_id"), form.get("client_secret"))
        if self.headers.get("Authorization", "").startswith("Basic "):
            told = base64.b64decode(self.headers["Authorization"][6:]).decode().partition(":")
            client = (unquote(told[0]), unquote(told[2]))
        if client != CLIENTS[name]:
            raise Refused(401, "invalid_client")
        begun = self.state.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            begun is None
            or form.get("grant_type") != "authorization_code"
            or begun["provider"] != name
            or begun["redirect_uri"] != form.get("redirect_uri")
            or begun["code_challenge"] != challenge.rstrip(b"=").decode()
            or (name == "naver" and form.get("state") != begun["state"])
        ):
            # Naver says so with the status 200.
            raise Refused(200 if name == "naver" else 400, "invalid_grant")
        access_token = secrets.token_urlsafe(24)
        self.state.access_tokens[access_token] = name
        answer: dict[str, Any] = {"access_token": access_token, "token_type": "Bearer", "expires_in": 3600}
        if name == "google":
            answer["id_token"] = self._id_token(begun, access_token)
        self._json(200, {key: value for key, value in answer.items() if value is not None})

    def _id_token(self, begun: dict[str, str], access_token: str) -> str | None:
        control = self.state.control
        claims = {
            "iss": self._base("google"),
            "aud": CLIENTS["google"][0],
            "azp": CLIENTS["google"][0],
            "nonce": begun["nonce"],
            **control.get("person", {}),
        }
        return self.state.signer.sign(claims, access_token, control.get("fault"), control.get("claims", {}))

    def _fail_as_told(self) -> None:
        fault = self.state.control.get("fault")
        if fault == "token_500":
            raise Refused(500, "server_error")
        if fault == "token_hang":
            time.sleep(HANG_S)
        if fault == "token_html":
            self._send(200, b"<html>busy</html>", "text/html")

    def _profile(self, name: str) -> None:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or self.state.access_tokens.get(token) != name:
            raise Refused(401, "invalid_token")
        self._json(200, self.state.control.get("person", {}))

    def _base(self, name: str) -> str:
        return f"http://{self.headers['Host']}/{name}"

    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def _single(text: str) -> dict[str, str]:
    found = parse_qs(text, keep_blank_values=True)
    if any(len(values) != 1 for values in found.values()):
        raise Refused(400, "invalid_request: a parameter comes twice")
    return {name: values[0] for name, values in found.items()}


def main() -> None:
    Handler.state = State()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
