"""Answers of AWS's protocols: an error in the form that each of them has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from tests.doubles.aws.calls import Call

REQUEST = "00000000-0000-4000-8000-000000000000"
StartResponse = Callable[..., Any]


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "text/xml"
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, start: StartResponse) -> Iterable[bytes]:
        start(
            f"{self.status} {'OK' if self.status < 400 else 'Error'}",
            [
                ("Content-Type", self.content_type),
                ("Content-Length", str(len(self.body))),
                ("x-amzn-requestid", REQUEST),
                *self.headers,
            ],
        )
        return [self.body]


@dataclass(frozen=True)
class Refusal(Exception):
    """What AWS says no with."""

    code: str
    message: str
    status: int = 400


def error(call: Call, refusal: Refusal) -> Answer:
    """The refusal in the protocol of the call."""
    code, message = escape(refusal.code), escape(refusal.message)
    if call.protocol == "json":
        told = json.dumps({"__type": refusal.code, "message": refusal.message, "Message": refusal.message})
        return Answer(refusal.status, told.encode(), "application/x-amz-json-1.1")
    if call.protocol == "ec2":
        text = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{REQUEST}</RequestID></Response>"
        )
    elif call.service == "s3":
        text = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{REQUEST}</RequestId></Error>"
    else:
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{REQUEST}</RequestId></ErrorResponse>"
        )
    return Answer(refusal.status, f"<?xml version='1.0'?>{text}".encode())
