"""``cluster.status``: what the cluster is like, from every side at once. What cannot be read is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from provisioning.aws import Account
from provisioning.kubernetes import Helm, Kubectl
from provisioning.operations import status_cluster, status_machines
from provisioning.operations.backups import Backups
from provisioning.operations.looking import look
from provisioning.phases.verify import Verify
from provisioning.run import ExitCode, RunError, Step
from provisioning.site import Site
from provisioning.ssh import Hosts

# How long each part may take; all are read at once.
PART_S = 60.0
_API_S = 12.0
_AT_ONCE = 12


@dataclass(frozen=True)
class Part:
    """One side of the cluster. ``problems`` are what is not well; ``unknown`` is why it could not be read."""

    name: str
    facts: Any = None
    lines: Sequence[str] = ()
    problems: Sequence[str] = ()
    unknown: str | None = None

    @property
    def ok(self) -> bool:
        return not self.problems and self.unknown is None

    def as_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, "facts": self.facts, "problems": list(self.problems), "unknown": self.unknown}


@dataclass(frozen=True)
class Status:
    """All parts, in the order in which they are shown."""

    cluster: str
    parts: Sequence[Part] = field(default_factory=tuple)

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.DONE if all(part.ok for part in self.parts) else ExitCode.KUBERNETES

    def as_dict(self) -> dict[str, Any]:
        return {
            "cluster": self.cluster,
            "ok": self.exit_code is ExitCode.DONE,
            "exit_code": int(self.exit_code),
            **{part.name: part.as_dict() for part in self.parts},
        }

    def lines(self) -> Iterator[str]:
        for part in self.parts:
            yield f"{'ok     ' if part.ok else 'NOT OK '} {part.name}"
            yield from (f"          {line}" for line in part.lines)
            yield from (f"        ! {problem}" for problem in part.problems)
            if part.unknown is not None:
                yield f"        ? {part.unknown}"
        wrong = [part.name for part in self.parts if not part.ok]
        yield f"{self.cluster}: {'all is well' if not wrong else 'not well: ' + ', '.join(wrong)}"


Read = Callable[[Step], status_cluster.Reading]


def status_of(site: Site, hosts: Hosts) -> Status:
    """Reads every part, each bounded. Raises nothing that a part can tell itself."""
    kubectl, account = Kubectl(site), Account(site.cluster.region)
    parts: list[tuple[str, bool, Read]] = [
        ("api", True, lambda step: status_cluster.api(kubectl, step)),
        ("nodes", True, lambda step: status_cluster.nodes(site, kubectl, step)),
        ("pods", True, lambda step: status_cluster.pods(kubectl, step)),
        ("versions", True, lambda step: status_cluster.versions(site, kubectl, step)),
        ("releases", True, lambda step: status_cluster.releases(site, Helm(site, kubectl), step)),
        ("load_balancer", True, lambda step: status_cluster.load_balancer(kubectl, step)),
        ("drift", True, lambda step: status_cluster.drift(Verify(site, kubectl, hosts, account), step)),
        ("machines", False, lambda step: status_machines.machines(site, hosts, step)),
        ("etcd", False, lambda step: status_machines.etcd(site, hosts, step)),
        ("certificates", False, lambda step: status_machines.certificates(site, hosts)),
        ("backup", False, lambda step: status_machines.backup(Backups(site, account))),
    ]
    away = _away(site, kubectl)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        read = [
            pool.submit(_part, site, name, of) if not (needs_api and away) else pool.submit(_unread, name, str(away))
            for name, needs_api, of in parts
        ]
        return Status(site.cluster.name, [each.result() for each in read])


def _away(site: Site, kubectl: Kubectl) -> str | None:
    """Why the API cannot be asked; found out once, so that not every part waits for it."""
    step = look(site, "status", timeout_s=_API_S)
    try:
        kubectl.run(step, "get", "--raw", "/version", timeout_s=_API_S)
    except RunError as error:
        return f"the API does not answer: {error}"
    return None


def _part(site: Site, name: str, read: Read) -> Part:
    step = look(site, f"status-{name.replace('_', '-')}", timeout_s=PART_S)
    try:
        reading = read(step)
    except RunError as error:
        return Part(name, unknown=site.redactor.text(str(error)))
    return Part(name, reading.facts, reading.lines, reading.problems)


def _unread(name: str, why: str) -> Part:
    return Part(name, unknown=why)
