"""The tasks that provision: ``./inv rebuild``, what comes after it, and ``./inv destroy``. Each is one call."""

from invoke import Collection, Context, task

from provisioning import commands
from provisioning.local.commands import first_word, module_alone

FILE = "another cluster file than provisioning/cluster.yaml ($ECO2_CLUSTER_FILE)"
JSON = "for scripts"
PLAN = "only show what would be done; exit code 2 when there is something"
RESUME = "go on where the last run of this command has stopped"
YES = "agree to what is destructive"
NAME = "the node's name, as the cluster file has it"
BY_NAME = "the cluster's name: agrees without being asked, for scripts"


@task(
    help={
        "file": FILE,
        "only": "these phases alone, with commas between",
        "from": "begin with this phase",
        "nodes": "these nodes alone, with commas between (what happens once for the cluster stays in)",
        "plan": PLAN,
        "json": JSON,
        "resume": RESUME,
        "yes": YES,
    }
)
def rebuild(
    context: Context,
    file: str | None = None,
    only: str | None = None,
    from_: str | None = None,
    nodes: str | None = None,
    plan: bool = False,
    json: bool = False,
    resume: bool = False,
    yes: bool = False,
) -> None:
    """Turn an AWS account into the running cluster; a second time changes nothing."""
    commands.rebuild(file, only=only, from_=from_, nodes=nodes, plan=plan, json=json, resume=resume, yes=yes)


@task(help={"file": FILE, "json": JSON})
def preflight(context: Context, file: str | None = None, json: bool = False) -> None:
    """Check everything that can stop a rebuild, before it begins: all findings at once."""
    commands.preflight(file, json=json)


@task(
    help={
        "file": FILE,
        "yes": BY_NAME,
        "keep_data": "keep the buckets and what they hold",
        "plan": PLAN,
        "json": JSON,
        "resume": RESUME,
    }
)
def destroy(
    context: Context,
    file: str | None = None,
    yes: str | None = None,
    keep_data: bool = False,
    plan: bool = False,
    json: bool = False,
    resume: bool = False,
) -> None:
    """List all that belongs to the cluster in AWS, ask for its name, remove it, and leave a receipt."""
    commands.destroy(file, yes=yes, keep_data=keep_data, plan=plan, json=json, resume=resume)


@task(help={"file": FILE, "json": JSON})
def status(context: Context, file: str | None = None, json: bool = False) -> None:
    """Show nodes, pods, etcd, certificates, backups and releases, and what differs from the cluster file."""
    commands.status(file, json=json)


@task(
    help={
        "file": FILE,
        "to": "a version; it has to be the cluster file's, which is the one that says what the cluster is",
        "only": "these phases alone, with commas between",
        "nodes": "these nodes alone, with commas between",
        "drain_s": "how long a node's pods may take to leave, in seconds (default: 600)",
        "plan": PLAN,
        "json": JSON,
        "resume": RESUME,
        "yes": YES,
    }
)
def upgrade(
    context: Context,
    file: str | None = None,
    to: str | None = None,
    only: str | None = None,
    nodes: str | None = None,
    drain_s: float | None = None,
    plan: bool = False,
    json: bool = False,
    resume: bool = False,
    yes: bool = False,
) -> None:
    """Bring Kubernetes to the cluster file's version: a backup of etcd, the control plane, then node by node."""
    commands.upgrade(file, to=to, only=only, nodes=nodes, drain_s=drain_s, plan=plan, json=json, resume=resume, yes=yes)


@task
def troubleshooting(context: Context) -> None:
    """Write docs/troubleshooting.md anew from the error types."""
    module_alone("provisioning.troubleshooting", "docs/troubleshooting.md")


@task(
    name="reset",
    positional=["name"],
    help={
        "name": NAME,
        "file": FILE,
        "lose_cluster": "the cluster's name, where the node is its only control plane: everything in it is lost",
        "plan": PLAN,
        "json": JSON,
        "resume": RESUME,
        "yes": YES,
    },
)
def reset_node(
    context: Context,
    name: str,
    file: str | None = None,
    lose_cluster: str | None = None,
    plan: bool = False,
    json: bool = False,
    resume: bool = False,
    yes: bool = False,
) -> None:
    """Take a node out of the cluster and make its machine as it was before it joined."""
    commands.node_reset(file, name, lose_cluster=lose_cluster, plan=plan, json=json, resume=resume, yes=yes)


@task(
    name="replace",
    positional=["name"],
    help={"name": NAME, "file": FILE, "plan": PLAN, "json": JSON, "resume": RESUME, "yes": YES},
)
def replace_node(
    context: Context,
    name: str,
    file: str | None = None,
    plan: bool = False,
    json: bool = False,
    resume: bool = False,
    yes: bool = False,
) -> None:
    """Give a node another machine, and touch no other."""
    commands.node_replace(file, name, plan=plan, json=json, resume=resume, yes=yes)


@task(name="check", help={"file": FILE, "json": JSON})
def check_certificates(context: Context, file: str | None = None, json: bool = False) -> None:
    """Show until when each certificate is good; exit code 12 when one has less than a week left."""
    commands.certs_check(file, json=json)


@task(name="renew", help={"file": FILE, "plan": PLAN, "json": JSON, "resume": RESUME, "yes": YES})
def renew_certificates(
    context: Context,
    file: str | None = None,
    plan: bool = False,
    json: bool = False,
    resume: bool = False,
    yes: bool = False,
) -> None:
    """Renew kubeadm's certificates for a year, one control plane after the other, after a backup of etcd."""
    commands.certs_renew(file, plan=plan, json=json, resume=resume, yes=yes)


@task(name="backup", help={"file": FILE, "plan": PLAN, "json": JSON, "resume": RESUME})
def backup_etcd(
    context: Context, file: str | None = None, plan: bool = False, json: bool = False, resume: bool = False
) -> None:
    """Put a checked snapshot of etcd into the bucket of backups."""
    commands.etcd_backup(file, plan=plan, json=json, resume=resume)


@task(
    name="restore",
    positional=first_word("etcd.restore", "key"),
    help={
        "key": "a backup's key; without one, the backups are listed",
        "file": FILE,
        "latest": "the newest backup",
        "undo": "take the last restore back",
        "yes": BY_NAME,
        "plan": PLAN,
        "json": JSON,
        "resume": RESUME,
    },
)
def restore_etcd(
    context: Context,
    key: str | None = None,
    file: str | None = None,
    latest: bool = False,
    undo: bool = False,
    yes: str | None = None,
    plan: bool = False,
    json: bool = False,
    resume: bool = False,
) -> None:
    """Make the cluster's state that of a backup; the present one is kept for --undo."""
    commands.etcd_restore(file, key, latest=latest, undo=undo, yes=yes, plan=plan, json=json, resume=resume)


@task(
    name="request",
    help={
        "vcpus": "how many (default: what this cluster and all else that runs need)",
        "show": "only show what applies and what was asked for",
        "file": FILE,
        "json": JSON,
    },
)
def request_quota(
    context: Context, vcpus: int | None = None, show: bool = False, file: str | None = None, json: bool = False
) -> None:
    """Ask AWS for more vCPUs of standard instances; never twice at once."""
    commands.quota_request(file, vcpus=vcpus, show=show, json=json)


@task(
    positional=first_word("cdn.invalidate", "paths"),
    help={
        "paths": "with commas between, each beginning with /; a * only at an end",
        "all": "everything",
        "wait": "until the CDN is done",
        "file": FILE,
        "json": JSON,
    },
)
def invalidate(
    context: Context,
    paths: str | None = None,
    all: bool = False,
    wait: bool = False,
    file: str | None = None,
    json: bool = False,
) -> None:
    """Make the CDN forget pictures, so that it asks the bucket again."""
    commands.cdn_invalidate(file, paths, everything=all, wait=wait, json=json)


TASKS = (rebuild, preflight, destroy)
CLUSTER_TASKS = (status, upgrade, troubleshooting)
COLLECTIONS = (
    Collection("node", reset_node, replace_node),
    Collection("certs", check_certificates, renew_certificates),
    Collection("etcd", backup_etcd, restore_etcd),
    Collection("quota", request_quota),
    Collection("cdn", invalidate),
)
