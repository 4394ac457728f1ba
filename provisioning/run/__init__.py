"""The engine of a run: phases with facts, a plan and an act; a journal that makes ``--resume`` exact; bounds, output.

It knows nothing of machines, clouds or Kubernetes: `Command` is given the phases. Called by the commands that
provision; start at `phase.Phase` to write one.
"""

from provisioning.run.command import Command, Options
from provisioning.run.errors import Cancelled, ErrorClass, NotYet, RunError
from provisioning.run.exit_codes import ExitCode
from provisioning.run.phase import Action, AnyPhase, Guard, Phase
from provisioning.run.redaction import Redactor
from provisioning.run.retry import Retry
from provisioning.run.screen import Screen
from provisioning.run.selection import Selection
from provisioning.run.step import Step, Stop
from provisioning.run.steps import Settings

__all__ = [
    "Action",
    "AnyPhase",
    "Cancelled",
    "Command",
    "ErrorClass",
    "ExitCode",
    "Guard",
    "NotYet",
    "Options",
    "Phase",
    "Redactor",
    "Retry",
    "RunError",
    "Screen",
    "Selection",
    "Settings",
    "Step",
    "Stop",
]
