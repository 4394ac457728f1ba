"""The phase ``terraform``: everything in AWS that stands before the first machine is reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.aws import Account
from provisioning.aws.buckets import Owner, buckets
from provisioning.run import Action, ErrorClass, ExitCode, NotYet, Phase, Retry, Step
from provisioning.site import OutputsUnreadable, Site
from provisioning.terraform.changes import Planned
from provisioning.terraform.diagnostics import PlanStale
from provisioning.terraform.host_keys import HostKeyError
from provisioning.terraform.runner import Terraform

_OUTPUTS = "outputs"


@dataclass(frozen=True)
class Facts:
    """Terraform's plan, and whether outputs.json says what the state says."""

    planned: Planned
    outputs_written: bool


class TerraformApply(Phase[Facts, Action]):
    """Makes the network, the machines, roles, buckets, CDN, certificates and names, and writes down their addresses."""

    name = "terraform"
    title = "Machines and what they need in AWS"
    # Of this, certificates may take 20 minutes, and all machines together some three.
    timeout_s = 3600.0
    retry = Retry(attempts=4, first_s=5.0, longest_s=60.0)
    errors = (
        ErrorClass(
            HostKeyError,
            "E-HOST-KEYS",
            transient=False,
            cause="A file in host_keys of the cluster's folder was edited, or others may read it.",
            remedy="chmod 600 what is named. A key that is broken: delete its two files, then go on with --resume; "
            "the node gets a new one when it is replaced (./inv node.replace).",
            exit_code=ExitCode.CONFIGURATION,
        ),
    )

    def __init__(self, site: Site, terraform: Terraform) -> None:
        super().__init__()
        self._site = site
        self._terraform = terraform
        self._account = Account(site.cluster.region)
        self._planned: Planned | None = None

    def inputs(self, node: str | None) -> Any:
        return {"configuration": self._terraform.fingerprint()}

    def facts(self, step: Step) -> Facts:
        planned = self._terraform.plan(step, variables={"adopt_buckets": self._orphans()})
        self._planned = planned
        return Facts(planned, self._is_written(planned))

    def plan(self, facts: Facts) -> Sequence[Action]:
        actions = [
            Action(id=change.id, title=change.title, destructive=change.destroys) for change in facts.planned.changes
        ]
        if not actions and (facts.planned.has_changes or not facts.outputs_written):
            title = f"write {self._site.outputs_file.name}: the addresses that later phases read"
            actions.append(Action(id=_OUTPUTS, title=title))
        return actions

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        planned = self._planned
        given = {action.id for action in actions} - {_OUTPUTS}
        if planned is None or given != {change.id for change in planned.changes}:
            raise PlanStale("the plan that was agreed to is not the one at hand")
        if planned.has_changes:
            self._terraform.apply(step, planned, agreed={action.id for action in actions if action.destructive})
        else:
            self._terraform.write_outputs(planned.outputs or {})

    def _orphans(self) -> dict[str, str]:
        """Buckets that carry the cluster's tag and are in no state: an earlier cluster's, whose state was lost."""
        missing = {
            key
            for key in ("images", "backups")
            if not self._terraform.has(f'module.bucket["{key}"].aws_s3_bucket.this')
        }
        if not missing:
            return {}
        found = buckets(self._account, self._site.cluster)
        return {each.key: each.name for each in found if each.key in missing and each.owner is Owner.CLUSTER}

    def _is_written(self, planned: Planned) -> bool:
        if planned.outputs is None:
            return False
        try:
            known = self._site.outputs()
        except (NotYet, OutputsUnreadable):
            return False
        return known == type(known).model_validate(planned.outputs)
