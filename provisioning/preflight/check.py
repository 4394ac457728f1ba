"""What a check is: a number, a question, and findings with the remedy for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from provisioning.aws import Account, Identity
from provisioning.cluster import Cluster
from provisioning.monitoring.receivers import ReceiversRefused
from provisioning.preflight.rendering import Rendering, rendering
from provisioning.run import ExitCode, Step, Stop
from provisioning.site import Site
from provisioning.terraform.runner import CONFIGURATION, Terraform
from provisioning.terraform.states import attributes


class Severity(StrEnum):
    """An error stops a rebuild; a warning is told and counts no further; a note is what was looked at."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """What is so, why that matters, and exactly what to do about it: of a note, both are empty."""

    severity: Severity
    what: str
    why: str
    remedy: str


def error(what: str, why: str, remedy: str) -> Finding:
    return Finding(Severity.ERROR, what, why, remedy)


def warning(what: str, why: str, remedy: str) -> Finding:
    return Finding(Severity.WARNING, what, why, remedy)


def note(what: str) -> Finding:
    return Finding(Severity.NOTE, what, "", "")


class NotMade(Exception):
    """Raised by a check that cannot tell here; its text says why. A rebuild goes on without it."""


class Context:
    """What checks look at. Facts that several need are asked for once."""

    def __init__(self, site: Site, account: Account, within_s: float, configuration: Path = CONFIGURATION) -> None:
        self.site = site
        self.account = account
        self.terraform = Terraform(site, configuration)
        # For kubectl and Helm, which want one; nobody watches it, and it ends with the checks.
        self.step = Step(
            "preflight",
            None,
            attempt=1,
            timeout_s=within_s,
            stop=Stop(),
            redactor=site.redactor,
            show=lambda phase, node, line: None,
        )

    @property
    def cluster(self) -> Cluster:
        return self.site.cluster

    @cached_property
    def identity(self) -> Identity:
        return self.account.identity()

    @cached_property
    def vpcs(self) -> list[dict[str, Any]]:
        """All VPCs of the region, as EC2 describes them."""
        return list(self.account.every("ec2", "DescribeVpcs", "Vpcs"))

    @cached_property
    def rendering(self) -> Rendering:
        """The releases as Helm would make them; the first check that asks waits for it, the others with it."""
        try:
            return rendering(self.site, self.step)
        except ReceiversRefused:
            # A check of its own says it, once.
            raise NotMade("who hears of alerts is given wrongly") from None

    def is_ours(self, tags: Iterable[dict[str, str]] | None) -> bool:
        """Whether tags, as AWS lists them, say that something belongs to this cluster."""
        return {"Key": f"kubernetes.io/cluster/{self.cluster.name}", "Value": "owned"} in (tags or ())

    def known_to_terraform(self, kind: str, attribute: str) -> set[str]:
        """This attribute of everything of this kind in the local state; empty without one.

        A state that is ``terraform.elsewhere`` is not read: that takes a backend, which no check sets up.
        """
        return attributes(self.terraform.state, kind, attribute)


@dataclass(frozen=True)
class Check:
    """One check. ``run`` yields what it finds, nothing when all is well; errors of AWS it lets pass.

    ``exit_code`` is what its errors mean for scripts: something to change in the configuration, or in the account.
    """

    number: int
    title: str
    run: Callable[[Context], Iterable[Finding]]
    exit_code: ExitCode = ExitCode.CONFIGURATION
    asks_aws: bool = False
