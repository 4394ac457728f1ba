"""Prometheus metrics of sign-ins and letters."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter

from services.kernel.errors import Problem

SIGN_INS = Counter("eco2_sign_ins", "Sign-ins, by the code of the problem that they ended in", ["method", "outcome"])
MAILS = Counter(
    "eco2_mails", "Tries to send a letter: sent, retried (another try follows) or given_up", ["kind", "outcome"]
)
ELSEWHERE = ("google", "kakao", "naver")


@contextmanager
def signing_in(method: object) -> Iterator[None]:
    """Count a sign-in by password, or by a provider as a stranger names it, once it has come to its end."""
    known = method if method in ("password", *ELSEWHERE) else "unknown"
    try:
        yield
    except Problem as problem:
        SIGN_INS.labels(known, problem.code).inc()
        raise
    except Exception:
        SIGN_INS.labels(known, "error").inc()
        raise
    SIGN_INS.labels(known, "ok").inc()
