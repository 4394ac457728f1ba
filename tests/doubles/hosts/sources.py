"""Where a host's packages come from: the files of /etc/apt, in both of their styles."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.doubles.hosts.calls import Exit, Violation
from tests.doubles.hosts.host import Host


@dataclass(frozen=True)
class Source:
    line: str
    uri: str
    suite: str
    component: str
    signed_by: str


def sources(host: Host) -> Iterator[Source]:
    """All sources, both of one-line and of deb822 style. Raises `Exit` for a file that apt cannot read."""
    folder = host.path("/etc/apt/sources.list.d")
    for file in [host.path("/etc/apt/sources.list"), *sorted(folder.iterdir())]:
        text = file.read_text() if file.is_file() else ""
        if file.suffix == ".list":
            yield from _one_line(file.name, text)
        elif file.suffix == ".sources":
            for paragraph in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
                yield from _deb822(paragraph)


def _one_line(name: str, text: str) -> Iterator[Source]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.split("#")[0].strip():
            continue
        found = re.fullmatch(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+\S+)*)\s*", line)
        if not found:
            raise Exit(100, f"E: Malformed entry {number} in list file /etc/apt/sources.list.d/{name} (type)")
        options = dict(option.partition("=")[::2] for option in (found[1] or "").split())
        if unknown := set(options) - {"arch", "signed-by"}:
            raise Violation(f"a source with the options {unknown}")
        for component in found[4].split() or [""]:
            yield Source(line.strip(), found[2], found[3], component, options.get("signed-by", ""))


def _deb822(paragraph: str) -> Iterator[Source]:
    fields = {
        key.lower(): value.strip() for key, value in re.findall(r"(?m)^([A-Za-z-]+):(.*(?:\n[ \t].*)*)", paragraph)
    }
    if not fields or fields.get("enabled") == "no":
        return
    if fields.get("types") != "deb" or "trusted" in fields:
        raise Violation(f"a source with {fields}")
    for uri in fields["uris"].split():
        for suite in fields["suites"].split():
            for component in fields.get("components", "").split() or [""]:
                yield Source(f"{uri} {suite} {component}", uri, suite, component, fields.get("signed-by", ""))


def digest(host: Host) -> str:
    """Of all sources: it changes when they do."""
    return hashlib.sha256("\n".join(repr(source) for source in sources(host)).encode()).hexdigest()
