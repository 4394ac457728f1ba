"""What can go wrong between the operator's machine and a node."""

from provisioning.run import ExitCode, RunError


class HostKeyRefused(RunError):
    """The node shows another SSH host key than the one that Terraform gave its machine. Nothing was sent to it."""

    code = "E-HOST-KEY"
    exit_code = ExitCode.SSH
    cause = (
        "The machine was replaced behind Terraform's back, it could not fetch its host key when it started, "
        "or somebody else answers at its address."
    )
    remedy = (
        "Look at the machine's log (aws ec2 get-console-output --latest --instance-id ID) for `no SSH host key`; "
        "then ./inv rebuild --only terraform, or replace the machine with ./inv node.replace NAME"
    )


class LoginRefused(RunError):
    """The node does not let the user of `access.user` in with the key of `access.key_file` or of the SSH agent."""

    code = "E-SSH-LOGIN"
    exit_code = ExitCode.SSH
    cause = "The key is not the one that the machines were made with, it has a passphrase and no agent, or it is gone."
    remedy = "Load the key (ssh-add FILE) or correct access.key_file in cluster.yaml; ./inv preflight checks the pair."


class SudoRefused(RunError):
    """The user of `access.user` may log in but may not become root without a password."""

    code = "E-SUDO"
    exit_code = ExitCode.SSH
    cause = "access.user is not the user that the machine image gives its administrator."
    remedy = "Set access.user in cluster.yaml to the image's administrator (Ubuntu: ubuntu), then go on with --resume."


class HostUnreachable(RunError):
    """Nothing answers at the node's address on port 22."""

    code = "E-UNREACHABLE"
    exit_code = ExitCode.CONNECTION
    transient = True
    cause = "The machine is starting or stopped, or access.ssh_from does not hold the address that you come from."
    remedy = "Wait a minute and go on with --resume; if it lasts: ./inv preflight, which compares your address."


class ConnectionCut(RunError):
    """The connection ended before the node had said how a script ended. What had begun there runs to its end."""

    code = "E-CONNECTION-CUT"
    exit_code = ExitCode.CONNECTION
    transient = True
    cause = "The network between is down, or the machine restarted."
    remedy = "Go on with --resume: it waits for what still runs on the node, then plans from what the node says."


class NodeBusy(RunError):
    """An earlier script of this tool still runs on the node, and did not end in the time there was to wait."""

    code = "E-NODE-BUSY"
    exit_code = ExitCode.TIMEOUT
    transient = True
    cause = "Another run is at work on this node, or one that was killed left a long action behind."
    remedy = "Wait and go on with --resume; on the node, /var/log/eco2 tells what runs."


class ScriptFailed(RunError):
    """A script ended with an error on the node."""

    code = "E-SCRIPT"
    exit_code = ExitCode.REMOTE_COMMAND
    cause = "A command on the node failed; the last lines of its output say which and why."
    remedy = (
        "Deal with what the output names (the whole of it is in /var/log/eco2 on the node), then go on with --resume."
    )

    def __init__(self, node: str, exit_status: int, last_line: str) -> None:
        self.node = node
        self.exit_status = exit_status
        super().__init__(f"{node}: ended with {exit_status}" + (f": {last_line}" if last_line else ""))


class ScriptTimeout(RunError):
    """A script did not end in its time. It goes on on the node; the next one waits for it."""

    code = "E-SCRIPT-TIMEOUT"
    exit_code = ExitCode.TIMEOUT
    transient = True
    cause = "The machine or its network is slow (packages, images), or a command there waits for what never comes."
    remedy = "Look at the last lines of its output (/var/log/eco2 on the node), then go on with --resume."
