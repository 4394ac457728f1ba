"""No secret leaves the program in words: what is registered and what looks like a token, a key or a password.

The journal and the events pass through one `Redactor` before anything is written or shown.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

HIDDEN = "[hidden]"
# A shorter secret would blank ordinary words, and is none.
SHORTEST_SECRET = 6

_WORD = r"(?:password|passwd|secret|token|api[-_]?key|access[-_]?key|certificate[-_]?key|client[-_]?secret)"
# Each pattern hides its group "secret", or all of the match where it has none.
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    for pattern, ignore_case in (
        (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", False),
        # kubeadm's bootstrap tokens: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
        (r"(?<![a-z0-9.])[a-z0-9]{6}\.[a-z0-9]{16}(?![a-z0-9.])", False),
        (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", False),
        (r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})", False),
        (r"\bsk-[A-Za-z0-9_-]{16,}", False),
        (r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*", False),
        (r"\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9._~+/=-]{8,})", True),
        (r"://[^/\s:@]*:(?P<secret>[^/\s@]+)@", False),
        (rf"{_WORD}[\"']?\s*(?:=|:)\s*[\"']?(?P<secret>(?!(?:true|false)\b)[^\s\"',;&}}]+)", True),
        (rf"--[a-z-]*{_WORD}[ =](?P<secret>\S+)", True),
    )
)
_PEM_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_PEM_ENDS = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")


class Redactor:
    """Knows the secrets of a run. Phases register one as soon as they learn it; all methods may be called from any
    thread."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._forms: tuple[str, ...] = ()
        for secret in secrets:
            self.register(secret)

    def register(self, secret: str) -> None:
        """From now on this text is hidden, also as base64, in a URL, in JSON, and line by line.

        Raises `ValueError` (which does not repeat it) if it is shorter than `SHORTEST_SECRET`.
        """
        if len(secret.strip()) < SHORTEST_SECRET:
            raise ValueError(f"a secret has at least {SHORTEST_SECRET} characters")
        with self._lock:
            self._forms = tuple(sorted({*self._forms, *_forms(secret)}, key=len, reverse=True))

    def text(self, text: str) -> str:
        """The same text without its secrets."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        for pattern in _PATTERNS:
            text = pattern.sub(_hide, text)
        return text

    def clean(self, value: Any) -> Any:
        """A JSON value with every string in it, keys too, without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(key): self.clean(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(each) for each in value]
        return value

    def lines(self) -> Callable[[str], str]:
        """`text` for one stream that comes line by line: it remembers that it is inside a private key."""
        inside = False

        def line(text: str) -> str:
            nonlocal inside
            if inside:
                inside = not _PEM_ENDS.search(text)
                return HIDDEN
            inside = bool(_PEM_BEGINS.search(text)) and not _PEM_ENDS.search(text)
            return self.text(text)

        return line


def _hide(match: re.Match[str]) -> str:
    if "secret" not in match.re.groupindex:
        return HIDDEN
    begin, end = match.start("secret") - match.start(), match.end("secret") - match.start()
    return match[0][:begin] + HIDDEN + match[0][end:]


def _forms(secret: str) -> set[str]:
    parts = {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}
    long_enough = {part for part in parts if len(part) >= SHORTEST_SECRET}
    forms = set(long_enough)
    for part in long_enough:
        encoded = base64.b64encode(part.encode()).decode()
        forms |= {encoded, encoded.rstrip("="), quote(part, safe=""), json.dumps(part)[1:-1]}
        forms.add(json.dumps(part, ensure_ascii=False)[1:-1])
    return forms
