"""What ``./inv`` does with releases and passwords: options in, an exit code out.

Imports are made where they are used, so that ``./inv --list`` is there at once.
"""

from __future__ import annotations

from provisioning.commands import ended, names


def deploy(
    file: str | None, *, only: str | None, version: str | None, plan: bool, json: bool, resume: bool, yes: bool
) -> None:
    """This tree's Secrets and releases, to the cluster that stands."""
    from provisioning.deploy import command
    from provisioning.operations.performing import Asked

    asked = Asked(plan=plan, json=json, resume=resume, yes=yes)
    ended(file, lambda site, screen: command.deploy(site, asked, only=names(only), version=version), json=json)


def deploy_monitoring(file: str | None, *, plan: bool, json: bool, resume: bool, yes: bool) -> None:
    from provisioning.deploy import command
    from provisioning.operations.performing import Asked

    asked = Asked(plan=plan, json=json, resume=resume, yes=yes)
    ended(file, lambda site, screen: command.deploy_monitoring(site, asked), json=json)


def deploy_plan(file: str | None, *, only: str | None, version: str | None, json: bool) -> None:
    from provisioning.deploy import plan

    ended(file, lambda site, screen: plan.deploy_plan(site, only=names(only), version=version, json=json), json=json)


def deploy_rollback(
    file: str | None, release: str | None, *, to: int | None, json: bool, resume: bool, yes: bool
) -> None:
    from provisioning.deploy import rollback
    from provisioning.operations.performing import Asked

    asked = Asked(json=json, resume=resume, yes=yes)
    ended(file, lambda site, screen: rollback.rollback(site, asked, release, to=to), json=json)


def secrets_list(file: str | None, *, json: bool) -> None:
    from provisioning.deploy import passwords

    ended(file, lambda site, screen: passwords.secrets_list(site, json=json), json=json)


def secrets_rotate(
    file: str | None, release: str | None, *, everything: bool, plan: bool, json: bool, resume: bool, yes: bool
) -> None:
    from provisioning.deploy import passwords
    from provisioning.operations.performing import Asked

    asked = Asked(plan=plan, json=json, resume=resume, yes=yes)
    ended(
        file,
        lambda site, screen: passwords.secrets_rotate(site, asked, names(release), everything=everything),
        json=json,
    )
