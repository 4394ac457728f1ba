"""What a run ends with, for scripts: each number means one thing, and this is the only place that says which."""

from enum import IntEnum


class ExitCode(IntEnum):
    """10 to 18 are those that KubeOne uses for the same things, where it has them.

    2 belongs to ``--plan`` alone (as in ``terraform plan -detailed-exitcode``); a mistake in the configuration is 15.
    """

    DONE = 0
    PLAN_HAS_CHANGES = 2
    RUNTIME = 10
    ETCD = 11
    KUBERNETES = 12
    SSH = 13
    CONNECTION = 14
    CONFIGURATION = 15
    REMOTE_COMMAND = 16
    HELM = 17
    CLOUD = 18
    TIMEOUT = 19
    INTERRUPTED = 20
    LOCKED = 21
    NOT_AGREED = 22
    JOURNAL = 23
