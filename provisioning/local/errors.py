"""What can go wrong with the embedded stack, as types whose text says what to do next."""


class LocalError(Exception):
    """An error meant for the person at the keyboard; ``exit_code`` is what the command ends with."""

    exit_code = 3


class ForeignHome(LocalError):
    """The home folder holds other things, or belongs to somebody else."""


class MissingPackages(LocalError):
    """Parts of the stack are not installed; the text is the exact command that installs them."""


class PortTaken(LocalError):
    """A port that was asked for by name is in use by a stranger."""


class NotReady(LocalError):
    """A part or a process did not become ready in time; the text ends with its last log lines."""


class StepFailed(LocalError):
    """A subprocess that ``up`` runs (migrations, the model's build, initdb) failed; the text holds its output."""


class LeftBehind(LocalError):
    """``down`` could not stop everything; the text names each process and port that is left."""
