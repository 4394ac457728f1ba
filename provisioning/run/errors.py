"""What can go wrong in a run, as types with a code, a likely cause and a remedy; and how a phase names its own."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provisioning.run.exit_codes import ExitCode

_CODE = re.compile(r"E-[A-Z0-9]+(-[A-Z0-9]+)*")


class RunError(Exception):
    """An error of the engine itself. Its text is for people; the class says the rest."""

    code = "E-RUN"
    exit_code = ExitCode.RUNTIME
    transient = False
    cause = ""
    remedy = ""


class SelectionError(RunError):
    """A phase or node was asked for that does not exist, or two choices contradict each other."""

    code = "E-SELECTION"
    exit_code = ExitCode.CONFIGURATION
    remedy = "Name one of those that the message lists."


class PhasesError(RunError):
    """The list of phases contradicts itself: a mistake in the program."""

    code = "E-PHASES"


class NothingToResume(RunError):
    """``--resume`` was asked for and no run is there to go on with."""

    code = "E-NOTHING-TO-RESUME"
    exit_code = ExitCode.CONFIGURATION
    remedy = "Begin a run without --resume."


class JournalCorrupt(RunError):
    """A record before the last one cannot be read: what was done is not known, so nothing is done."""

    code = "E-JOURNAL-CORRUPT"
    exit_code = ExitCode.JOURNAL
    cause = "The journal was edited, or its disk is failing."
    remedy = "Begin a new run without --resume: it plans everything from what the machines say."


class JournalUnwritable(RunError):
    """A record could not be made durable; the run stops rather than act without a trace."""

    code = "E-JOURNAL-UNWRITABLE"
    exit_code = ExitCode.JOURNAL
    cause = "The disk that holds the journal is full, read-only or failing."
    remedy = "Make room and go on with --resume."


class Locked(RunError):
    """Another run for the same cluster is under way."""

    code = "E-LOCKED"
    exit_code = ExitCode.LOCKED
    remedy = "Wait until it has ended, or end it with Ctrl-C where it runs."


class Refused(RunError):
    """Nobody agreed to what is destructive."""

    code = "E-NOT-AGREED"
    exit_code = ExitCode.NOT_AGREED
    cause = "The plan holds destructive actions."
    remedy = "Look at them with --plan; then agree when asked, or give --yes."


class Cancelled(Exception):
    """The run was asked to stop and the step is at a safe point. No failure: a resumed run plans the step anew."""


class NotYet(RunError):
    """Facts cannot be read before an earlier phase has acted (there is no machine yet).

    In a plan this is the line "known only after ...", and counts as something to do. In a run it is tried again.
    """

    code = "E-NOT-READY"
    transient = True
    cause = "What an earlier phase makes is not there yet."
    remedy = "Go on with --resume in a few minutes; run the earlier phases too if they were left out."


class StepTimeout(RunError):
    """A step noticed at a safe point that its time is over."""

    code = "E-TIMEOUT"
    exit_code = ExitCode.TIMEOUT
    transient = True
    cause = "The machine or the network is slower than this step allows for, or something it waits for never comes."
    remedy = "Look at the last lines of its output, then go on with --resume."


class StepOverdue(RunError):
    """A step did not come back after its time; it may still be acting, so it is not tried again in this run."""

    code = "E-OVERDUE"
    exit_code = ExitCode.TIMEOUT
    cause = "A call inside the step blocks without a bound."
    remedy = "Look whether the machine answers, then go on with --resume: the step is planned from what it says."


class OnceUnsure(RunError):
    """The facts do not say whether an action that may happen once has happened."""

    code = "E-ONCE-UNSURE"
    cause = "An earlier attempt was cut off in the middle of an action that must not be repeated."
    remedy = "Look at the machine: finish the action by hand, or reset the node, then go on with --resume."


class NotConverged(RunError):
    """After the act, the same facts still ask for changes."""

    code = "E-NOT-CONVERGED"
    transient = True
    cause = "An action ended without an error and without its effect, or something else undoes it."
    remedy = "Look for another program that manages the same thing, then go on with --resume."


class Unexpected(RunError):
    """An error that no phase has named."""

    code = "E-UNEXPECTED"
    cause = "This error is not known to the program."
    remedy = "The last lines tell where it came from; go on with --resume once it is dealt with."


class ConnectionLost(RunError):
    """The standard library's `ConnectionError`, for phases that name nothing more exact."""

    code = "E-CONNECTION"
    exit_code = ExitCode.CONNECTION
    transient = True
    cause = "The machine is starting, or the network between is down."
    remedy = "Look whether the machine answers, then go on with --resume."


@dataclass(frozen=True)
class ErrorClass:
    """What an exception of a phase means. ``pattern`` is searched in its text; without one the type decides."""

    error: type[BaseException]
    code: str
    transient: bool
    cause: str
    remedy: str
    exit_code: ExitCode = ExitCode.RUNTIME
    pattern: str | None = None

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise PhasesError(f"{self.code!r} is no error code: E-, then capitals, digits and dashes")

    def means(self, error: BaseException) -> bool:
        return isinstance(error, self.error) and (self.pattern is None or bool(re.search(self.pattern, str(error))))


def of_engine(kind: type[RunError]) -> ErrorClass:
    return ErrorClass(kind, kind.code, kind.transient, kind.cause, kind.remedy, kind.exit_code)


_CONNECTION = ErrorClass(
    ConnectionError,
    ConnectionLost.code,
    ConnectionLost.transient,
    ConnectionLost.cause,
    ConnectionLost.remedy,
    ConnectionLost.exit_code,
)


def classify(error: BaseException, known: Sequence[ErrorClass]) -> ErrorClass:
    """The first class of the phase that means this error, else the engine's; unknown errors are permanent."""
    for candidate in known:
        if candidate.means(error):
            return candidate
    if isinstance(error, RunError):
        return of_engine(type(error))
    return _CONNECTION if _CONNECTION.means(error) else of_engine(Unexpected)


def one_meaning_each(classes: Iterable[ErrorClass]) -> None:
    """Raises `PhasesError` where a code stands for two different causes or remedies."""
    seen: dict[str, tuple[str, str, ExitCode]] = {}
    for each in classes:
        meaning = (each.cause, each.remedy, each.exit_code)
        if seen.setdefault(each.code, meaning) != meaning:
            raise PhasesError(f"{each.code} has two meanings")
