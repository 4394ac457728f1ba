"""``certs.check``: every certificate that can end a cluster by expiring, and for how long it is good."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml
from cryptography import x509

from provisioning.operations.errors import NodeAnswersWrong
from provisioning.operations.looking import look
from provisioning.operations.scripts import certificates as scripts
from provisioning.run import ExitCode, RunError
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts

WARN_DAYS = 30
ERROR_DAYS = 7
OPERATOR = "this machine"
_LOOK_S = 45.0
_AT_ONCE = 16


@dataclass(frozen=True)
class Certificate:
    """``expires`` is None for one that should be there and is not."""

    where: str
    name: str
    expires: datetime | None

    def days(self, now: datetime) -> int:
        """Whole days for which it is still good; below 0 it has expired, and a missing one is no good at all."""
        return -1 if self.expires is None else (self.expires - now).days


@dataclass(frozen=True)
class Report:
    """All certificates, and what could not be read (node -> why)."""

    certificates: Sequence[Certificate]
    unreadable: dict[str, str]
    now: datetime

    @property
    def smallest(self) -> Certificate | None:
        """The one that expires first."""
        return min(self.certificates, key=lambda each: each.days(self.now), default=None)

    @property
    def exit_code(self) -> ExitCode:
        """Not 0 where one is missing, has expired or will within `ERROR_DAYS`, or could not be read."""
        bad = any(each.days(self.now) < ERROR_DAYS for each in self.certificates)
        return ExitCode.KUBERNETES if bad or self.unreadable else ExitCode.DONE

    def as_dict(self) -> dict[str, Any]:
        return {
            "certificates": [
                {
                    "where": each.where,
                    "name": each.name,
                    "expires": each.expires.isoformat() if each.expires else None,
                    "days": each.days(self.now),
                    "state": self._state(each),
                }
                for each in self.certificates
            ],
            "unreadable": self.unreadable,
            "exit_code": int(self.exit_code),
        }

    def lines(self) -> Iterator[str]:
        """What is near its end by name, the rest as a number."""
        near = [each for each in self.certificates if each.days(self.now) < WARN_DAYS]
        for each in sorted(near, key=lambda each: each.days(self.now)):
            good = "is missing" if each.expires is None else f"is good for {each.days(self.now)} days"
            yield f"{self._state(each):7}  {each.where}: {each.name} {good}"
        for node, why in sorted(self.unreadable.items()):
            yield f"unknown  {node}: {why}"
        if near:
            yield "What to do: ./inv certs.renew (a kubelet renews its own; ./inv rebuild --only label approves them)"
        far = [each for each in self.certificates if each.days(self.now) >= WARN_DAYS]
        if far:
            soonest = min(far, key=lambda each: each.days(self.now))
            days = soonest.days(self.now)
            yield f"{len(far)} certificates are good for {days} days or more ({soonest.where}: {soonest.name})"

    def _state(self, certificate: Certificate) -> str:
        days = certificate.days(self.now)
        return "error" if days < ERROR_DAYS else "warning" if days < WARN_DAYS else "ok"


def check(site: Site, hosts: Hosts) -> Report:
    """Asks every node, some at once, each for at most 45 s. What cannot be read is told, not raised."""
    found: list[Certificate] = []
    unreadable: dict[str, str] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = {node.name: pool.submit(of_node, site, hosts, node.name) for node in site.cluster.nodes}
        for name, answer in asked.items():
            try:
                found += answer.result()
            except RunError as error:
                unreadable[name] = site.redactor.text(str(error))
    try:
        found += of_operator(site)
    except (OSError, ValueError, KeyError, TypeError) as error:
        unreadable[OPERATOR] = f"{site.kubeconfig.name}: {type(error).__name__}"
    return Report(found, unreadable, datetime.now(UTC))


def of_node(site: Site, hosts: Hosts, node: str) -> list[Certificate]:
    """The kubelet's certificates, and on a control plane all of kubeadm's. Raises the errors of `Hosts.run`."""
    control_plane = site.cluster.node(node).role == "control-plane"
    step = look(site, "certificates", node, timeout_s=_LOOK_S)
    facts = Facts.read(node, hosts.run(step, node, scripts.expiry(control_plane=control_plane)))
    kubelet = [Certificate(node, f"kubelet-{kind}", _openssl(node, facts.text(kind))) for kind in ("client", "server")]
    return [*kubelet, *(of_kubeadm(node, facts.text("kubeadm")) if control_plane else ())]


def of_kubeadm(node: str, text: str, *, authorities: bool = True) -> list[Certificate]:
    """What ``kubeadm certs check-expiration -o json`` says. Raises `NodeAnswersWrong`."""
    try:
        said = json.loads(text[text.index("{") :])
        return list(_kubeadm(node, [*said["certificates"], *(said["certificateAuthorities"] if authorities else ())]))
    except (ValueError, KeyError, TypeError) as error:
        raise NodeAnswersWrong(f"{node}: kubeadm's list of certificates cannot be read") from error


def of_operator(site: Site) -> list[Certificate]:
    """The administrator's certificate in the operator's kubeconfig. Raises OSError, ValueError, KeyError, TypeError."""
    user = yaml.safe_load(site.kubeconfig.read_text())["users"][0]["user"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
    return [Certificate(OPERATOR, "kubeconfig", certificate.not_valid_after_utc)]


def _kubeadm(node: str, listed: Iterable[dict[str, Any]]) -> Iterator[Certificate]:
    for each in listed:
        missing = each.get("missing") or each.get("externallyManaged")
        # super-admin.conf is removed once the cluster is made: nobody may have it.
        if each["name"] == "super-admin.conf" and missing:
            continue
        expires = None if missing else datetime.fromisoformat(each["expirationDate"])
        yield Certificate(node, each["name"], expires)


def _openssl(node: str, text: str) -> datetime | None:
    """``Nov 23 08:00:00 2027 GMT``"""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    except ValueError:
        raise NodeAnswersWrong(f"{node}: {text[:40]!r} is no end of a certificate") from None
