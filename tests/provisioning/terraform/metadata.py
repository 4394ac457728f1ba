"""What a new machine sees of AWS: its metadata service (IMDSv2 alone) and Systems Manager, which checks signatures."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

INSTANCE = "i-0123456789abcdef0"
TOKEN = "token-of-the-metadata-service"
ROLE = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "the-secret/of+the role", "Token": "the-session//token=="}


class Cloud(ThreadingHTTPServer):
    """`parameters` are the SecureStrings by name; `refused` counts what was answered with an error."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.parameters: dict[str, str] = {}
        self.refused: list[str] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Cloud

    def do_PUT(self) -> None:
        self._answer(200 if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else 400, TOKEN)

    def do_GET(self) -> None:
        known = {
            "/latest/meta-data/instance-id": INSTANCE,
            "/latest/meta-data/iam/security-credentials/": "eco2-api-20260101\n",
            "/latest/meta-data/iam/security-credentials/eco2-api-20260101": json.dumps(ROLE),
        }
        if self.headers["X-aws-ec2-metadata-token"] != TOKEN:
            self._answer(401, "")
        elif self.path in known:
            self._answer(200, known[self.path])
        else:
            self._answer(404, "")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)
        if self.headers["Authorization"] != self._expected(body):
            self._answer(400, json.dumps({"__type": "InvalidSignatureException"}))
        elif self.headers["X-Amz-Target"] != "AmazonSSM.GetParameter" or not asked["WithDecryption"]:
            self._answer(400, json.dumps({"__type": "UnknownOperationException"}))
        elif asked["Name"] not in self.server.parameters:
            self._answer(400, json.dumps({"__type": "ParameterNotFound"}))
        else:
            value = self.server.parameters[asked["Name"]]
            self._answer(200, json.dumps({"Parameter": {"Name": asked["Name"], "Value": value}}))

    def _expected(self, body: bytes) -> str:
        """The signature that AWS's own library computes for these headers."""
        names = self.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        signed = {name: self.headers[name] for name in names}
        request = AWSRequest("POST", f"http://{self.headers['Host']}/", headers=signed, data=body)
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        auth = SigV4Auth(Credentials(ROLE["AccessKeyId"], ROLE["SecretAccessKey"]), "ssm", "ap-northeast-2")
        text = auth.string_to_sign(request, auth.canonical_request(request))
        signature = auth.signature(text, request)
        return (
            f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={';'.join(names)}, Signature={signature}"
        )

    def _answer(self, code: int, text: str) -> None:
        if code >= 400:
            self.server.refused.append(text)
        self.send_response(code)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def cloud() -> Iterator[Cloud]:
    server = Cloud()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
