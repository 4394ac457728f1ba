"""What can go wrong with the API server, with Helm, and with the programs that speak to them."""

from provisioning.run import ExitCode, RunError


class ToolMissing(RunError):
    """The program kubectl or helm is not on this machine, or does not start."""

    code = "E-TOOL-MISSING"
    exit_code = ExitCode.CONFIGURATION
    cause = "Only on Linux with an x86-64 processor are both brought along by a Python package."
    remedy = "Install the version that the message names and put it on the PATH (macOS: brew install helm kubectl)."


class ToolVersion(RunError):
    """The program kubectl or helm is of a version that does not go with the cluster's Kubernetes."""

    code = "E-TOOL-VERSION"
    exit_code = ExitCode.CONFIGURATION
    cause = "kubectl may be one minor release apart from the API server; helm's own table says what it can speak to."
    remedy = "Install the version that the message names and put it first on the PATH."


class ApiUnreachable(RunError):
    """The API server does not answer, or answers that it cannot answer now."""

    code = "E-API"
    exit_code = ExitCode.KUBERNETES
    transient = True
    cause = "The control plane is starting or overloaded, or your address is not in access.api_from."
    remedy = "./inv preflight names your address when it is missing; else wait a minute and go on with --resume."


class ApiRefused(RunError):
    """The API server does not accept the kubeconfig: its certificate, or what it may do."""

    code = "E-API-REFUSED"
    exit_code = ExitCode.KUBERNETES
    cause = "The kubeconfig is of another cluster or of an earlier one of this name, or its certificate has run out."
    remedy = "./inv rebuild --only init (it fetches the kubeconfig anew and changes nothing on a cluster that exists)"


class NotFound(RunError):
    """An object, or a whole kind, is not in the cluster."""

    code = "E-API-NOT-FOUND"
    exit_code = ExitCode.KUBERNETES
    cause = "It was deleted while the step ran, or the release that brings the kind is not installed."
    remedy = "./inv rebuild --resume"


class Conflict(RunError):
    """An object changed between reading and writing, or somebody else was quicker to create it."""

    code = "E-API-CONFLICT"
    exit_code = ExitCode.KUBERNETES
    transient = True
    cause = "Another program changes the same object at the same time."
    remedy = (
        "Go on with --resume; if it comes back, look who else changes the object (kubectl get … --show-managed-fields)."
    )


class OwnedByAnother(RunError):
    """A field that we set is owned by another program, which would lose what it wrote."""

    code = "E-API-OWNED"
    exit_code = ExitCode.KUBERNETES
    cause = "Somebody changed the object by hand, or a second tool manages it."
    remedy = "Undo the change by hand, or delete the object; then go on with --resume."


class ApiSaid(RunError):
    """The API server refused a request for a reason of its own; the message has its words."""

    code = "E-API-SAID"
    exit_code = ExitCode.KUBERNETES
    cause = "The object is not valid for this version of Kubernetes, or a webhook refused it."
    remedy = "Correct what the message names, then go on with --resume."


class ChartMissing(RunError):
    """A release of the cluster file has no chart in the repository's charts/."""

    code = "E-CHART-MISSING"
    exit_code = ExitCode.CONFIGURATION
    cause = "The folder was deleted or renamed, or the release's name in the cluster file is misspelt."
    remedy = "Put the folder back (git status charts), or take the release out of the cluster file."


class ChartUnreachable(RunError):
    """A chart could not be fetched from its repository."""

    code = "E-CHART-REPOSITORY"
    exit_code = ExitCode.HELM
    transient = True
    cause = "The chart's repository does not answer, or has no such version any more."
    remedy = "Go on with --resume. With a mirror: set ECO2_CHART_REPOSITORIES, a JSON object of real address to mirror."


class ChartRefused(RunError):
    """A chart does not take the values that it is given, or cannot be rendered with them."""

    code = "E-CHART-VALUES"
    exit_code = ExitCode.HELM
    cause = "The version of the chart in provisioning/cluster/versions.yaml has other keys than those of our values."
    remedy = (
        "Correct the values that the message names; ./inv rebuild --only releases --plan renders them without a change."
    )


class ReleaseFailed(RunError):
    """A release was installed or upgraded and did not become ready; an upgrade has been rolled back."""

    code = "E-RELEASE-FAILED"
    exit_code = ExitCode.HELM
    cause = "A pod does not start; the message names it, its last event and what it waits for."
    remedy = "Correct what the pod says, then go on with --resume. ./inv rebuild --plan shows what would change."


class ReleaseBusy(RunError):
    """Another Helm works on the same release."""

    code = "E-RELEASE-BUSY"
    exit_code = ExitCode.HELM
    transient = True
    cause = "A run that was killed has left its helm working, or somebody upgrades the release from another machine."
    remedy = "Wait until it has ended (at most as long as the release may take), then go on with --resume."


class HelmSaid(RunError):
    """Helm ended with an error of its own; the message has its words."""

    code = "E-HELM"
    exit_code = ExitCode.HELM
    cause = "Helm could not do what it was asked, for the reason it gives."
    remedy = "Correct what the message names, then go on with --resume."
