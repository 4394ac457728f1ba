"""The tasks of releases and passwords: ``./inv deploy`` and what belongs to it. Each is one call."""

from invoke import Collection, Context, task

from provisioning.deploy import commands
from provisioning.local.commands import first_word
from provisioning.tasks import FILE, JSON, PLAN, RESUME, YES

TAG = "the tag of our images (ECO2_VERSION); default: the version in setup.cfg"
ANYWAY = "go on though an image is not in the registry"


@task(
    name="run",
    default=True,
    help={
        "file": FILE,
        "only": "these releases alone, with commas between",
        "version": TAG,
        "plan": PLAN,
        "json": JSON,
        "resume": RESUME,
        "yes": ANYWAY,
    },
)
def deploy(
    context: Context,
    file: str | None = None,
    only: str | None = None,
    version: str | None = None,
    plan: bool = False,
    json: bool = False,
    resume: bool = False,
    yes: bool = False,
) -> None:
    """Bring this tree's Secrets and releases to the cluster that stands, and wait until their pods are ready."""
    commands.deploy(file, only=only, version=version, plan=plan, json=json, resume=resume, yes=yes)


@task(name="plan", help={"file": FILE, "only": "these releases alone", "version": TAG, "json": JSON})
def plan_deploy(
    context: Context,
    file: str | None = None,
    only: str | None = None,
    version: str | None = None,
    json: bool = False,
) -> None:
    """Show what a deploy would do, and how the objects would differ from those that run; 2 when there is something."""
    commands.deploy_plan(file, only=only, version=version, json=json)


@task(
    name="rollback",
    positional=first_word("deploy.rollback", "release"),
    help={
        "release": "its name; without one, all releases and their revisions are listed",
        "to": "the revision (default: what ran before)",
        "file": FILE,
        "json": JSON,
        "resume": RESUME,
        "yes": YES,
    },
)
def rollback_deploy(
    context: Context,
    release: str | None = None,
    to: int | None = None,
    file: str | None = None,
    json: bool = False,
    resume: bool = False,
    yes: bool = False,
) -> None:
    """Show a release's revisions and what differs, ask, and make it again what it was."""
    commands.deploy_rollback(file, release, to=to, json=json, resume=resume, yes=yes)


@task(
    help={
        "file": FILE,
        "plan": PLAN,
        "json": JSON,
        "resume": RESUME,
        "yes": ANYWAY,
    }
)
def deploy_monitoring(
    context: Context,
    file: str | None = None,
    plan: bool = False,
    json: bool = False,
    resume: bool = False,
    yes: bool = False,
) -> None:
    """Bring the monitoring alone to the cluster: Prometheus, Grafana, their CRDs, our rules and dashboards."""
    commands.deploy_monitoring(file, plan=plan, json=json, resume=resume, yes=yes)


@task(name="list", help={"file": FILE, "json": JSON})
def list_secrets(context: Context, file: str | None = None, json: bool = False) -> None:
    """Show the Secrets that the cluster needs, which are there, and when passwords were last changed; no content."""
    commands.secrets_list(file, json=json)


@task(
    name="rotate",
    positional=first_word("secrets.rotate", "release"),
    help={
        "release": "whose passwords, with commas between",
        "all": "of all of them",
        "file": FILE,
        "plan": PLAN,
        "json": JSON,
        "resume": RESUME,
        "yes": YES,
    },
)
def rotate_secrets(
    context: Context,
    release: str | None = None,
    all: bool = False,
    file: str | None = None,
    plan: bool = False,
    json: bool = False,
    resume: bool = False,
    yes: bool = False,
) -> None:
    """Give database, broker, cache or Grafana new passwords, and restart what reads them; says the outage first."""
    commands.secrets_rotate(file, release, everything=all, plan=plan, json=json, resume=resume, yes=yes)


TASKS = (deploy_monitoring,)
COLLECTIONS = (
    Collection("deploy", deploy, plan_deploy, rollback_deploy),
    Collection("secrets", list_secrets, rotate_secrets),
)
