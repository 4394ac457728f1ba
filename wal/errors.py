"""What can go wrong with a task, and with the journal itself."""


class TransientError(Exception):
    """Raised by a task whose next attempt may succeed: a part is down, a limit is reached."""


class PermanentError(Exception):
    """Raised by a task that no further attempt can save: the input itself is wrong."""


class Cancelled(PermanentError):
    """An operator has interrupted the task."""


class TaskTimeout(TransientError):
    """The task ran longer than its type allows."""


class JournalError(Exception):
    """Base of what the journal raises. Nothing of the refused call was written."""


class UnknownTask(JournalError):
    """The journal has no task with this id."""


class IllegalTransition(JournalError):
    """The task is in a state that this call does not start from."""


class JournalLocked(JournalError):
    """Another process owns the file."""


class JournalClosed(JournalError):
    """The journal was closed: its worker is ending."""


class JournalUnavailable(JournalError):
    """The disk refused: full, read-only, broken. Nothing may run unjournalled, so stop consuming."""


class JournalBroken(JournalError):
    """The file itself is damaged. The worker has to end: its next start sets the file aside."""
