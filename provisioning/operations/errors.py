"""What can stop the life of a cluster, each with its likely cause and what to do."""

from provisioning.run import ExitCode, RunError


class UpgradeVersionDiffers(RunError):
    """An upgrade was asked for to another version than the one in the cluster file."""

    code = "E-UPGRADE-VERSION"
    exit_code = ExitCode.CONFIGURATION
    cause = "The cluster file says which version the cluster has; the two must never differ."
    remedy = "Set kubernetes.version in provisioning/cluster.yaml, commit it, then ./inv cluster.upgrade --to VERSION"


class UpgradeBlocked(RunError):
    """The cluster cannot be upgraded as it is. The text names everything that stands in the way."""

    code = "E-UPGRADE-BLOCKED"
    exit_code = ExitCode.KUBERNETES
    cause = "An upgrade needs every node Ready, permitted versions, and pods that may be moved."
    remedy = "Mend what is named (./inv cluster.status shows the rest), then ./inv cluster.upgrade --to VERSION"


class DrainBlocked(RunError):
    """Pods on the node may not be evicted, or did not end in time. The text names them."""

    code = "E-DRAIN-BLOCKED"
    exit_code = ExitCode.KUBERNETES
    cause = "A PodDisruptionBudget forbids it, a pod has no controller that would make it again, or it does not end."
    remedy = "Scale the workload up or mend its budget (kubectl get pdb -A), then go on with --resume."


class NodeNotReady(RunError):
    """A node did not become Ready again in time."""

    code = "E-NODE-NOT-READY"
    exit_code = ExitCode.KUBERNETES
    transient = True
    cause = "The kubelet or containerd does not run, or Calico's pod on it does not."
    remedy = "Look at journalctl -u kubelet on the node, then go on with --resume; or ./inv node.replace NAME"


class ApiAway(RunError):
    """The API server did not answer again in time."""

    code = "E-API-AWAY"
    exit_code = ExitCode.KUBERNETES
    transient = True
    cause = "etcd or the API server does not start: a static pod's manifest is wrong or its image cannot be pulled."
    remedy = "On the control plane: crictl ps -a and crictl logs of etcd and kube-apiserver; then go on with --resume."


class OnlyControlPlane(RunError):
    """The node is the cluster's only control plane: without it the cluster and all in it are gone."""

    code = "E-ONLY-CONTROL-PLANE"
    exit_code = ExitCode.CONFIGURATION
    cause = "etcd has its data on this node alone."
    remedy = "./inv etcd.backup first; then ./inv node.reset NAME --lose-cluster CLUSTER if that is what is meant."


class FirstControlPlane(RunError):
    """The node is the control plane that the others join through, so it cannot join anew itself."""

    code = "E-FIRST-CONTROL-PLANE"
    exit_code = ExitCode.CONFIGURATION
    cause = "Join tokens and the cluster's CA are read from the first control plane of the cluster file."
    remedy = "Put another control plane first in provisioning/cluster.yaml, commit it, then ./inv node.replace NAME"


class ReplaceTouchesMore(RunError):
    """Terraform would change more than the one machine that is to be replaced. Nothing was changed."""

    code = "E-REPLACE-TOUCHES-MORE"
    exit_code = ExitCode.CONFIGURATION
    cause = "The cluster file or the configuration has changed since the last apply, or somebody changed AWS by hand."
    remedy = "./inv rebuild --only terraform brings the rest up to date; then ./inv node.replace NAME again."


class EtcdDown(RunError):
    """etcd does not run on the control plane, or does not answer."""

    code = "E-ETCD"
    exit_code = ExitCode.ETCD
    transient = True
    cause = "The machine is starting, its disk is full, or an interrupted restore has left etcd stopped."
    remedy = "./inv etcd.restore --resume after an interrupted restore; else crictl ps -a on the control plane."


class SnapshotTooLarge(RunError):
    """The snapshot is larger than one upload to S3 may be (5 GiB)."""

    code = "E-SNAPSHOT-SIZE"
    exit_code = ExitCode.ETCD
    cause = "etcd's database has grown far beyond its quota of 2 GiB."
    remedy = "Compact and defragment etcd (etcdctl compact, etcdctl defrag), then ./inv etcd.backup"


class SnapshotCorrupt(RunError):
    """The snapshot is not what was backed up: its checksum, or etcd's own, does not fit. Nothing was stopped."""

    code = "E-SNAPSHOT-CORRUPT"
    exit_code = ExitCode.ETCD
    cause = "The object was altered, or another file was put in its place."
    remedy = "./inv etcd.restore lists the backups; take another one."


class SnapshotVersion(RunError):
    """The backup is of another minor version of Kubernetes than the control plane runs. Nothing was stopped."""

    code = "E-SNAPSHOT-VERSION"
    exit_code = ExitCode.ETCD
    cause = "The cluster was upgraded after the backup was made; Kubernetes cannot go back by its data alone."
    remedy = "./inv etcd.restore lists the backups; take one that was made after the upgrade."


class BackupNotKept(RunError):
    """What stands in the bucket after the upload is not what was sent."""

    code = "E-BACKUP-NOT-KEPT"
    exit_code = ExitCode.ETCD
    transient = True
    cause = "The upload was cut off, or another program writes to the same keys."
    remedy = "./inv etcd.backup again."


class NoBackup(RunError):
    """There is no such backup of this cluster's etcd."""

    code = "E-NO-BACKUP"
    exit_code = ExitCode.ETCD
    cause = "The key is misspelt, the backup has expired (buckets.backups.expire_days), or none was ever made."
    remedy = "./inv etcd.restore without a key lists all there are; ./inv etcd.backup makes one."


class NothingToUndo(RunError):
    """No earlier state of etcd is kept on the control plane."""

    code = "E-NOTHING-TO-UNDO"
    exit_code = ExitCode.ETCD
    cause = "Nothing was restored since the cluster was made, or the restore was undone already."
    remedy = "./inv etcd.restore lists the backups."


class NothingKept(RunError):
    """A run that should go on has left no note of what it was about."""

    code = "E-NOTHING-KEPT"
    exit_code = ExitCode.CONFIGURATION
    cause = "The cluster's folder was cleaned, or the run was another command's."
    remedy = "Begin anew, without --resume."


class NodeAnswersWrong(RunError):
    """A node printed something else than what was asked."""

    code = "E-NODE-ANSWER"
    exit_code = ExitCode.REMOTE_COMMAND
    cause = "Another version of kubeadm, crictl or etcd than the version matrix names is installed."
    remedy = "./inv rebuild --only prepare --plan shows what differs on the node."
