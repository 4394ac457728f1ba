"""What the checks found, for people, for scripts, and as the error that stops a rebuild."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from textwrap import indent
from typing import Any

from provisioning.preflight.check import Check, Finding, Severity
from provisioning.run import ExitCode, RunError

# Under a check's title.
_LEFT = " " * 13


class PreflightFailed(RunError):
    """Checks before the rebuild found what would stop it later. The text names each, with its remedy."""

    code = "E-PREFLIGHT"
    exit_code = ExitCode.CONFIGURATION
    cause = "The cluster file, this machine or its keys are not ready."
    remedy = "Do what stands after each arrow, then ./inv preflight until it finds nothing; then go on with --resume."


class CloudNotReady(PreflightFailed):
    """Checks before the rebuild found that the AWS account is not ready. The text names each, with its remedy."""

    code = "E-PREFLIGHT-CLOUD"
    exit_code = ExitCode.CLOUD
    cause = "Credentials, quotas, names that are taken, or a domain that is not delegated."


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """One check's findings; ``skipped`` says why it could not be made at all."""

    check: Check
    findings: tuple[Finding, ...] = ()
    skipped: str = ""

    @property
    def status(self) -> Status:
        if self.skipped:
            return Status.SKIPPED
        severities = {finding.severity for finding in self.findings}
        if Severity.ERROR in severities:
            return Status.FAILED
        return Status.WARNING if Severity.WARNING in severities else Status.OK

    def as_dict(self) -> dict[str, Any]:
        return {
            "number": self.check.number,
            "title": self.check.title,
            "status": self.status.value,
            "skipped": self.skipped or None,
            "findings": [asdict(finding) for finding in self.findings],
        }

    def lines(self) -> Iterator[str]:
        skipped = f" ({self.skipped})" if self.skipped else ""
        yield f"{self.check.number:>3}  {self.status.value:<8}{self.check.title}{skipped}"
        for finding in self.findings:
            yield from indent(f"{finding.severity.value}: {finding.what}", _LEFT).splitlines()
            if finding.severity is not Severity.NOTE:
                yield from indent(f"{finding.why}\n-> {finding.remedy}", f"{_LEFT}  ").splitlines()


@dataclass(frozen=True)
class Report:
    """All checks in the order of their numbers."""

    cluster: str
    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether a rebuild may begin. Where AWS could not be asked, another check has failed for just that."""
        return not self.of(Status.FAILED)

    @property
    def exit_code(self) -> ExitCode:
        """DONE, or what the worst finding means: the account comes before the configuration."""
        codes = {result.check.exit_code for result in self.of(Status.FAILED)}
        if not codes:
            return ExitCode.DONE
        return ExitCode.CLOUD if ExitCode.CLOUD in codes else ExitCode.CONFIGURATION

    def of(self, status: Status) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.status is status)

    def as_dict(self) -> dict[str, Any]:
        return {
            "cluster": self.cluster,
            "ok": self.ok,
            "exit_code": int(self.exit_code),
            "checks": [result.as_dict() for result in self.results],
        }

    def lines(self) -> list[str]:
        lines = [line for result in self.results for line in result.lines()]
        counts = ", ".join(f"{len(found)} {status.value}" for status in Status if (found := self.of(status)))
        return [*lines, f"{self.cluster}: {counts}"]

    def check(self) -> None:
        """Raises `PreflightFailed` (or `CloudNotReady`) with every error at once."""
        if not self.ok:
            kind = CloudNotReady if self.exit_code is ExitCode.CLOUD else PreflightFailed
            raise kind("\n".join(errors(self.results)))


def errors(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        for finding in result.findings:
            if finding.severity is Severity.ERROR:
                yield f"{result.check.number}: {finding.what} -> {finding.remedy}"
