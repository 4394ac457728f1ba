"""Idempotency-Key: the first request with a key does the work, every further one gets its answer.

A key is taken in one atomic step and belongs to who sent it. While the first request is at work, others are told to
wait; should it die, the key is free again after the lease. Without Redis a request that asks for this is refused: to do
the work twice is what the key is there to prevent. (A scan's key is kept in PostgreSQL with the scan, and longer than
anything here.)
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass

import redis
from werkzeug.wrappers import Request, Response

from services.kernel import caching_metrics
from services.kernel.errors import Conflict, Invalid, Unprocessable

KEY = re.compile(r"[\x21-\x7e]{1,255}")
RUNNING = "running"
CACHE = "idempotency"  # its name among the caches that are counted
KEPT_HEADERS = ("Content-Type", "Location", "Retry-After")
LONGEST = 256 * 1024  # bytes of an answer that is kept


def key_of(request: Request) -> str | None:
    """The request's key. Raises `Invalid` for one that is none."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise Invalid("idempotency_key_invalid", "An Idempotency-Key is 1 to 255 visible ASCII characters.")
    return key


@dataclass
class Keys:
    """The keys in Redis: `lease_s` seconds for a request at work, `keep_s` for an answer."""

    cache: redis.Redis
    lease_s: int
    keep_s: int

    def begin(self, who: str, key: str, request: Request) -> "Claim | Response":
        """The claim on the key, or the answer that it has had.

        Raises `Conflict` ``idempotency_key_in_use``, `Unprocessable` ``idempotency_key_reused``, `redis.RedisError`.
        """
        name = f"idempotency:{hashlib.sha256(f'{who} {key}'.encode()).hexdigest()}"
        print_of = hashlib.sha256(
            b"\0".join([request.method.encode(), request.full_path.encode(), request.get_data(cache=True)])
        ).hexdigest()
        mine = json.dumps({"state": RUNNING, "request": print_of})
        if self.cache.set(name, mine, nx=True, ex=self.lease_s):
            caching_metrics.miss(CACHE)
            return Claim(self, name, print_of)
        kept = json.loads(str(self.cache.get(name) or mine))
        if kept["request"] != print_of:
            raise Unprocessable("idempotency_key_reused", "This Idempotency-Key came with another request before.")
        if kept["state"] == RUNNING:
            raise Conflict("idempotency_key_in_use", "The request with this Idempotency-Key is still at work.")
        caching_metrics.hit(CACHE)
        return Response(
            base64.b64decode(kept["body"]), kept["status"], {**kept["headers"], "Idempotent-Replayed": "true"}
        )


@dataclass
class Claim:
    """A key that this request has taken."""

    keys: Keys
    name: str
    request: str

    def finish(self, answer: Response) -> None:
        """Keep the answer, or free the key where the fault was ours and a retry may do better."""
        body = b"" if answer.is_streamed else answer.get_data()
        if answer.status_code >= 500 or answer.is_streamed or len(body) > LONGEST:
            self.keys.cache.delete(self.name)
            return
        kept = {
            "state": "done",
            "request": self.request,
            "status": answer.status_code,
            "headers": {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers},
            "body": base64.b64encode(body).decode(),
        }
        self.keys.cache.set(self.name, json.dumps(kept), xx=True, ex=self.keys.keep_s)
