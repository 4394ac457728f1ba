"""What the world is told about a name, asked over HTTPS: the resolver of a company or a VPN may say something else."""

from __future__ import annotations

import httpx

_RESOLVER = "https://dns.google/resolve"
_WITHIN_S = 5.0
_NUMBERS = {"NS": 2, "CAA": 257}
_THERE, _NO_SUCH_NAME = 0, 3


class Unanswered(Exception):
    """The resolver cannot be reached, or could not find out."""


def ask(name: str, kind: str) -> list[str]:
    """The records of a kind (NS, CAA) under a name, without dots at their ends; none where there are none.

    Raises `Unanswered`.
    """
    try:
        answer = httpx.get(_RESOLVER, params={"name": name, "type": kind}, timeout=_WITHIN_S)
        said = answer.raise_for_status().json()
        status = int(said["Status"])
        found = [str(each["data"]) for each in said.get("Answer", ()) if each["type"] == _NUMBERS[kind]]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as failed:
        raise Unanswered(f"{_RESOLVER} does not answer ({type(failed).__name__})") from failed
    if status not in (_THERE, _NO_SUCH_NAME):
        raise Unanswered(f"the name servers of {name} do not answer")
    return [each.removesuffix(".") for each in found]
