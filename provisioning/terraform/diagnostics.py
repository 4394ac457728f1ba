"""What Terraform complains of, sorted into what a person does about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.aws.errors import AccessDenied, AwsError, NoCredentials, Throttled, Unreachable
from provisioning.run import ExitCode, RunError

# Enough of Terraform's words to act on; the whole is in the log beside the state.
_SHOWN = 5


class TerraformFailed(RunError):
    """Terraform ended with an error that has no class of its own. The text is what it complains of."""

    code = "E-TERRAFORM"
    exit_code = ExitCode.CLOUD
    cause = "AWS refused a resource, or the configuration and the account contradict each other."
    remedy = "Read Terraform's complaint above; the whole is in terraform/*.jsonl of the cluster's folder. "
    remedy += "Then go on with --resume: what stands is kept."


class TerraformMissing(RunError):
    """There is no terraform on this machine, or it is too old."""

    code = "E-TERRAFORM-MISSING"
    exit_code = ExitCode.CONFIGURATION
    cause = "Terraform 1.11 or newer is not on the PATH."
    remedy = "Install it from https://developer.hashicorp.com/terraform/install (macOS: brew install "
    remedy += "hashicorp/tap/terraform), then ./inv preflight"


class TerraformNotReady(RunError):
    """Terraform could not be prepared: a provider cannot be downloaded, or does not agree with the lock file."""

    code = "E-TERRAFORM-INIT"
    exit_code = ExitCode.CONFIGURATION
    transient = True
    cause = "registry.terraform.io cannot be reached, or .terraform.lock.hcl names other versions or other machines."
    remedy = "curl -sI https://registry.terraform.io must answer. Where the lock file is what differs: "
    remedy += "terraform -chdir=provisioning/terraform providers lock; then go on with --resume."


class StateLocked(RunError):
    """Somebody else holds the lock of Terraform's state."""

    code = "E-STATE-LOCKED"
    exit_code = ExitCode.LOCKED
    cause = "Another terraform works on the same cluster, or one was killed while its state lay in S3."
    remedy = "Wait until it has ended, then go on with --resume. If none runs anywhere: terraform "
    remedy += "-chdir=provisioning/terraform force-unlock with the ID above"


class StateNotSaved(RunError):
    """Terraform changed the account and could not write down what it did."""

    code = "E-STATE-UNSAVED"
    exit_code = ExitCode.JOURNAL
    cause = "The disk with the state is full or read-only, or the state's bucket cannot be written."
    remedy = "Make room, then: terraform -chdir=provisioning/terraform state push errored.tfstate. "
    remedy += "Only then go on with --resume."


class VcpuQuota(RunError):
    """The account may not run as many vCPUs as the cluster has."""

    code = "E-VCPU-QUOTA"
    exit_code = ExitCode.CLOUD
    cause = "AWS's quota of running on-demand vCPUs (L-1216C47A) is too small, or other instances use it up."
    remedy = "./inv quota.request, wait until AWS grants it (15 minutes to 2 days), then go on with --resume: "
    remedy += "the machines that stand are kept."


class NoCapacity(RunError):
    """AWS has no machine of this type free in this zone at the moment."""

    code = "E-CAPACITY"
    exit_code = ExitCode.CLOUD
    transient = True
    cause = "The zone is short of this instance type; that passes within minutes or hours."
    remedy = "Go on with --resume later, or give the node another zone or type in provisioning/cluster.yaml."


class NameTaken(RunError):
    """What is to be made has a name that is taken: by something that an earlier cluster left behind, or by others."""

    code = "E-NAME-TAKEN"
    exit_code = ExitCode.CLOUD
    cause = "The state of an earlier cluster was lost and what it made still stands, or somebody else has the name."
    remedy = "./inv destroy --plan shows what carries this cluster's tag, and ./inv destroy removes it. To keep a "
    remedy += 'bucket with what it holds: export TF_VAR_adopt_buckets=\'{"images": "NAME"}\'. Then go on with --resume.'


class PlanStale(RunError):
    """The account changed between the plan and the act."""

    code = "E-PLAN-STALE"
    exit_code = ExitCode.CLOUD
    transient = True
    cause = "Somebody else applied a change in between."
    remedy = "Go on with --resume: the plan is made anew."


class PlanDestroys(RunError):
    """The plan deletes or replaces a machine, a bucket or a disk, and nobody has agreed to that."""

    code = "E-PLAN-DESTROYS"
    exit_code = ExitCode.NOT_AGREED
    cause = "The cluster file changed in a way that AWS cannot change in place, or a machine was deleted by hand."
    remedy = "./inv rebuild --only terraform --plan shows it; run it without --plan and agree, or undo the change."


@dataclass(frozen=True)
class Diagnostic:
    """One complaint. ``address`` is the resource's, where there is one."""

    severity: str
    summary: str
    detail: str
    address: str | None

    @classmethod
    def of(cls, message: dict[str, Any]) -> Diagnostic:
        """From a message ``{"type": "diagnostic"}`` of Terraform's JSON output."""
        said = message["diagnostic"]
        return cls(
            str(said["severity"]), str(said["summary"]), str(said.get("detail") or ""), said.get("address") or None
        )

    @property
    def text(self) -> str:
        where = f"{self.address}: " if self.address else ""
        return where + " ".join(f"{self.summary} {self.detail}".split())


# The first pattern that fits any complaint decides: what needs a person comes before what passes by itself.
_MEANINGS: tuple[tuple[str, type[RunError]], ...] = (
    (r"Failed to (save|persist) state|Error saving state|Failed to persist state", StateNotSaved),
    (r"Error acquiring the state lock|Error locking state", StateLocked),
    (r"VcpuLimitExceeded|vCPUs, and this account may run|InstanceLimitExceeded", VcpuQuota),
    (
        r"EntityAlreadyExists|InvalidKeyPair\.Duplicate|InvalidGroup\.Duplicate|BucketAlready(OwnedByYou|Exists)",
        NameTaken,
    ),
    (r"ParameterAlreadyExists|\w+AlreadyExists\b|AlreadyExistsException", NameTaken),
    (r"No valid credential sources|ExpiredToken|InvalidClientTokenId|AuthFailure|UnrecognizedClient", NoCredentials),
    (r"SignatureDoesNotMatch|RequestExpired|failed to refresh cached credentials|InvalidAccessKeyId", NoCredentials),
    (r"UnauthorizedOperation|AccessDenied|not authorized to perform", AccessDenied),
    (r"Failed to query available provider|Failed to install provider|Inconsistent dependency lock", TerraformNotReady),
    (r"Required plugins are not installed|Backend initialization required|Module not installed", TerraformNotReady),
    (r"Could not retrieve the list of available versions|provider checksum|Failed to load plugin", TerraformNotReady),
    (r"Saved plan is stale", PlanStale),
    (r"InsufficientInstanceCapacity|InsufficientHostCapacity|Insufficient capacity", NoCapacity),
    (r"RequestLimitExceeded|Throttling|TooManyRequests|SlowDown|PriorRequestNotComplete|Rate exceeded", Throttled),
    (r"no such host|connection refused|i/o timeout|TLS handshake timeout|connection reset", Unreachable),
    (r"StatusCode: 5\d\d|InternalError|ServiceUnavailable", Unreachable),
)


def meaning(diagnostics: Sequence[Diagnostic], command: str, said: str = "") -> RunError:
    """Why this command of Terraform failed. ``said`` is its standard error, for when it had no words in JSON."""
    errors = [each for each in diagnostics if each.severity == "error"]
    texts = [each.text for each in errors] or [" ".join(said.split())[-1500:] or "it said nothing"]
    for pattern, kind in _MEANINGS:
        fitting = [text for text in texts if re.search(pattern, text)]
        if fitting:
            return kind(_joined(command, fitting, texts))
    return TerraformFailed(_joined(command, texts[-_SHOWN:], texts))


def _joined(command: str, shown: Sequence[str], texts: Sequence[str]) -> str:
    more = len(texts) - min(len(shown), _SHOWN)
    rest = [f"and {more} more"] if more else []
    return "\n".join([f"terraform {command}:", *dict.fromkeys(shown[:_SHOWN]), *rest])


ERRORS: tuple[type[RunError], ...] = (*dict.fromkeys(kind for _, kind in _MEANINGS), TerraformFailed, AwsError)
"""All that `meaning` may return."""
