"""What can stop a deploy, a rollback or a rotation, each with its likely cause and what to do."""

from provisioning.run import ExitCode, RunError


class NoCluster(RunError):
    """There is no cluster to deploy to: it has not been made, or this machine has no kubeconfig of it."""

    code = "E-NO-CLUSTER"
    exit_code = ExitCode.KUBERNETES
    cause = "./inv rebuild was never run from this folder, or the cluster has been destroyed."
    remedy = "./inv rebuild makes it; ./inv rebuild --only init fetches the kubeconfig of one that stands."


class ImageMissing(RunError):
    """An image that the releases would run is not in the registry. Nothing was sent to the cluster."""

    code = "E-IMAGE-MISSING"
    exit_code = ExitCode.CONFIGURATION
    cause = "This version was never pushed, or --version (ECO2_VERSION) is misspelt."
    remedy = "./inv build --push pushes it; or name one that is there with --version. --yes deploys all the same."


class NoRevision(RunError):
    """The release has no such revision, or none that was ever deployed whole."""

    code = "E-NO-REVISION"
    exit_code = ExitCode.HELM
    cause = "Helm keeps the last ten revisions; one that failed cannot be gone back to."
    remedy = "./inv deploy.rollback without a name lists the releases and their revisions."


class RotationPod(RunError):
    """The pod that has to be told its new password is not there or not ready. The old password holds."""

    code = "E-ROTATION-POD"
    exit_code = ExitCode.KUBERNETES
    transient = True
    cause = "The part is starting, its node is away, or it is not installed."
    remedy = "./inv cluster.status shows the pod; when it runs, the same command again ends the rotation."


class RotationPassword(RunError):
    """The part accepts neither the old nor the new password of its Secret."""

    code = "E-ROTATION-PASSWORD"
    exit_code = ExitCode.KUBERNETES
    cause = "Somebody has changed the password in the part by hand, or its volume is older than its Secret."
    remedy = (
        "Set the part's password by hand to the one in its Secret (for PostgreSQL: ALTER ROLE as a superuser), "
        "then the same command again."
    )


class RotationRefused(RunError):
    """The part did not take its new password; the message has its words. Both passwords stay in the Secret."""

    code = "E-ROTATION"
    exit_code = ExitCode.KUBERNETES
    cause = "The program in the pod could not do what it was asked."
    remedy = "Mend what the message names; the same command again goes on with the rotation."


class NotRotated(RunError):
    """There is no Secret whose password could be changed."""

    code = "E-NOTHING-TO-ROTATE"
    exit_code = ExitCode.CONFIGURATION
    cause = "The release was not installed yet: its first deploy makes the password."
    remedy = "./inv secrets.list shows which there are; deploy the release first."


class TreeDiffers(RunError):
    """What runs is not what this tree makes, so that starting pods anew would also bring another version."""

    code = "E-ROTATION-TREE"
    exit_code = ExitCode.CONFIGURATION
    cause = "The tree or the version (ECO2_VERSION) is newer than the last deploy, or a release was rolled back."
    remedy = "./inv deploy.plan shows what differs. Deploy first, or give the command from the tree that runs."
