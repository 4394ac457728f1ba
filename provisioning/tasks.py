"""The tasks that provision: ``./inv rebuild``, what comes after it, and ``./inv destroy``. Each is one call."""

from invoke import Collection, Context, task

from provisioning import commands

FILE = "another cluster file than provisioning/cluster.yaml"
JSON = "for scripts"
PLAN = "only show what would be done; exit code 2 when there is something"


@task(
    help={
        "file": FILE,
        "only": "these phases alone, with commas between",
        "from": "begin with this phase",
        "nodes": "these nodes alone, with commas between (what happens once for the cluster stays in)",
        "plan": PLAN,
        "json": JSON,
        "resume": "go on where the last run has stopped",
        "yes": "agree to what is destructive",
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
    commands.rebuild(file=file, only=only, from_=from_, nodes=nodes, plan=plan, json=json, resume=resume, yes=yes)


@task(help={"file": FILE, "json": JSON})
def preflight(context: Context, file: str | None = None, json: bool = False) -> None:
    """Check everything that can stop a rebuild, before it begins: all findings at once."""
    commands.preflight(file=file, json=json)


TASKS = (rebuild, preflight)
COLLECTIONS: tuple[Collection, ...] = ()
