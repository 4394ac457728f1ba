"""Everything that can stop a rebuild and can be known before it begins: numbered checks, all findings at once.

Called by ``./inv preflight`` and by the phase of that name. It changes nothing, anywhere.
"""

from provisioning.preflight.catalogue import CHECKS
from provisioning.preflight.check import Check, Context, Finding, Severity
from provisioning.preflight.report import CloudNotReady, PreflightFailed, Report, Result
from provisioning.preflight.run import run_preflight

__all__ = [
    "CHECKS",
    "Check",
    "CloudNotReady",
    "Context",
    "Finding",
    "PreflightFailed",
    "Report",
    "Result",
    "Severity",
    "run_preflight",
]
