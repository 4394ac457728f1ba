"""A cluster file in, a `Cluster` out, or every mistake in it at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network
from pathlib import Path as FilePath

from provisioning.cluster.checks import mistakes
from provisioning.cluster.document import Document, read
from provisioning.cluster.draft import draft
from provisioning.cluster.errors import ConfigurationError, Finding
from provisioning.cluster.model import Cluster
from provisioning.cluster.versions import matrix

CLUSTER_FILE = FilePath(__file__).parent.parent / "cluster.yaml"

# Addresses that stand in examples and belong to nobody: https://www.rfc-editor.org/rfc/rfc5737
_EXAMPLES = tuple(IPv4Network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))


@dataclass(frozen=True)
class Examination:
    """What a file says: the cluster, or None where there are errors; the warnings of a cluster that can be used."""

    file: str
    cluster: Cluster | None
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def load(file: FilePath | str = CLUSTER_FILE) -> Cluster:
    """The cluster of a file. Raises `ConfigurationError` with every mistake, a file that cannot be read among them."""
    examined = examine(file)
    if examined.cluster is None:
        raise ConfigurationError(examined.file, examined.errors)
    return examined.cluster


def examine(file: FilePath | str = CLUSTER_FILE, today: date | None = None) -> Examination:
    """Reads and checks a file. Never raises for what stands in it."""
    name = _shown(FilePath(file))
    try:
        content = FilePath(file).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: no file can have such a name
        reason = error.strerror if isinstance(error, OSError) else error
        return Examination(name, None, (Finding(1, 1, "", f"cannot be read: {reason}"),), ())
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        return Examination(name, None, (Finding(line, column, "", "is not UTF-8"),), ())
    return examine_text(text, name, today)


def examine_text(text: str, name: str = "cluster.yaml", today: date | None = None) -> Examination:
    document = read(text)
    errors = list(document.findings)
    cluster = None
    if document.data is not None or not errors:
        places = {(finding.line, finding.column) for finding in errors}
        drafted, found = draft(document)
        found += [document.finding(path, message) for path, message in mistakes(drafted)]
        # What could not be read at all is not also of the wrong type.
        errors += [finding for finding in found if (finding.line, finding.column) not in places]
        cluster = drafted.whole
    if errors or cluster is None:
        return Examination(name, None, tuple(sorted(set(errors))), ())
    warnings = _warnings(cluster, document, today or date.today())
    return Examination(name, cluster, (), tuple(sorted(warnings)))


def examples_left(cluster: Cluster) -> list[str]:
    """What still has to be replaced by something of one's own before a cluster can be built: ``access.ssh_from[0]``.

    With an example in an allow-list nobody could reach the machines.
    """
    lists = {"ssh_from": cluster.access.ssh_from, "api_from": cluster.access.api_from}
    return [
        f"access.{key}[{index}]"
        for key, allowed in lists.items()
        for index, space in enumerate(allowed)
        if _is_example(space)
    ]


def _is_example(space: IPv4Network) -> bool:
    return any(space.subnet_of(example) for example in _EXAMPLES)


def _warnings(cluster: Cluster, document: Document, today: date) -> Iterator[Finding]:
    for key, allowed in (("ssh_from", cluster.access.ssh_from), ("api_from", cluster.access.api_from)):
        for index, space in enumerate(allowed):
            if _is_example(space):
                yield document.finding(("access", key, index), f"{space} is an example: put your own address here")
            elif space.prefixlen == 0:
                yield document.finding(("access", key, index), "everybody may connect")
    end = matrix().minors[cluster.kubernetes.version.line].end_of_life
    if end < today:
        line = cluster.kubernetes.version.line
        yield document.finding(("kubernetes", "version"), f"Kubernetes {line} gets no more fixes since {end}")


def _shown(file: FilePath) -> str:
    """The path as seen from where one is, so that an editor finds it."""
    try:
        return str(file.resolve().relative_to(FilePath.cwd()))
    except (ValueError, OSError):
        return str(file)
