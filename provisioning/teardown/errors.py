"""What can go wrong in a teardown as a whole."""

from provisioning.run import ExitCode, RunError


class OtherAccount(RunError):
    """The credentials are of another AWS account than the one that the cluster was made in."""

    code = "E-OTHER-ACCOUNT"
    exit_code = ExitCode.CONFIGURATION
    cause = "Another profile is chosen (AWS_PROFILE) than for the rebuild."
    remedy = "aws sts get-caller-identity shows whose credentials are in use; choose the cluster's, then ./inv destroy"


class Leftovers(RunError):
    """Something of the cluster still stands after everything was tried; each thing is named, with the reason."""

    code = "E-LEFTOVERS"
    exit_code = ExitCode.CLOUD
    cause = "Something that is not the cluster's leans on it, AWS is still busy with it, or a right is missing."
    remedy = "Remove what the reasons name, then ./inv destroy again: it begins with what is left."


class ReceiptUnwritable(RunError):
    """What was found, or what is left, could not be written down; nothing is removed without that."""

    code = "E-RECEIPT"
    exit_code = ExitCode.JOURNAL
    cause = "The disk that holds the cluster's folder is full, read-only or failing."
    remedy = "Make room, then ./inv destroy --resume"


class NotNow(Exception):
    """A thing cannot be removed yet; what stands in the way is expected to go by itself."""
